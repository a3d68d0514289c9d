//! What a clone and an image are made of: the files that Docker's build gets, the features of what is compiled, the bytes that
//! git checks out, and what the documents say of them.

#[path = "packaging/docker.rs"]
mod docker;
#[path = "packaging/features.rs"]
mod features;
#[path = "packaging/files.rs"]
mod files;
#[path = "packaging/git.rs"]
mod git;
#[path = "packaging/links.rs"]
mod links;
#[path = "packaging/names.rs"]
mod names;
