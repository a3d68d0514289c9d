//! Somebody whom the tests rename while writers and fences are lost.

use std::net::SocketAddr;

use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::PgPool;
use tokio::task::JoinHandle;

use super::{
    entries::{Entries, Held},
    patient_backend,
};
use crate::{
    api::SignedIn,
    application::{Backend, TestApplication},
};

/// Somebody called "old", whose entry a replica has filled.
pub(super) struct Scene {
    /// The database and the prefix.
    pub(super) backend: Backend,
    /// A replica that reads.
    pub(super) reader: TestApplication,
    /// Whom it is about.
    pub(super) ada: SignedIn,
    /// The entries of all replicas.
    pub(super) entries: Entries,
    /// Her entry.
    pub(super) entry: String,
    /// Past the application.
    pub(super) pool: PgPool,
}

impl Scene {
    /// Registers, renames and reads her.
    pub(super) async fn set() -> Self {
        let backend = patient_backend().await;
        let reader = backend.start().await;
        let ada = reader.api().register("ada").await;
        ada.api.patch(&format!("/users/{}", ada.id), &json!({ "display_name": "old" })).await;
        let (entries, pool) = (Entries::of(&backend).await, backend.database.pool().await);
        let scene = Self { entry: format!("user:{}", ada.id), backend, reader, ada, entries, pool };
        assert_eq!(scene.name_read().await, "old");
        assert_eq!(scene.entries.held(&scene.entry).await, Held::Value);
        scene
    }

    /// The name that readers see.
    pub(super) async fn name_read(&self) -> String {
        let user = self.reader.api().get_json(&format!("/users/{}", self.ada.id)).await;
        user["display_name"].as_str().expect("a name").to_owned()
    }

    /// The name in the table.
    pub(super) async fn name_in_postgres(&self) -> String {
        let name = sqlx::query_scalar("SELECT display_name FROM users WHERE username = 'ada'");
        name.fetch_one(&self.pool).await.expect("ada is there")
    }

    /// Asks this replica for the name "new".
    pub(super) fn rename(&self, replica: SocketAddr) -> JoinHandle<reqwest::Result<StatusCode>> {
        let rename = self.ada.api.at(replica).request(Method::PATCH, &format!("/users/{}", self.ada.id));
        let rename = rename.json(&json!({ "display_name": "new" })).send();
        tokio::spawn(async move { Ok(rename.await?.status()) })
    }
}
