//! Modules of one folder that need each other. They share an idea that wants a module of its own below both.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Source, Words};

type Graph = BTreeMap<String, BTreeSet<String>>;

/// A circle of each folder that has any, like `cache: a -> b -> a`. Tests do not count.
pub(crate) fn find(sources: &[Source]) -> Vec<String> {
    let folders: BTreeSet<&[String]> =
        sources.iter().flat_map(|source| (1..source.module.len()).map(|depth| &source.module[..depth])).collect();
    folders
        .into_iter()
        .filter_map(|folder| {
            let circle = circle(&graph(folder, sources))?;
            Some(format!("{}: {}", folder.join("::"), circle.join(" -> ")))
        })
        .collect()
}

/// Which child of `folder` names which others.
fn graph(folder: &[String], sources: &[Source]) -> Graph {
    let children: BTreeSet<&String> = sources
        .iter()
        .filter(|source| source.module.starts_with(folder))
        .filter_map(|source| source.module.get(folder.len()))
        .collect();
    let facade = facade(folder, sources, &children);
    let mut graph = Graph::new();
    for source in sources.iter().filter(|source| source.module.starts_with(folder)) {
        let Some(child) = source.module.get(folder.len()) else { continue };
        let edges = graph.entry(child.clone()).or_default();
        for named in
            source.paths.iter().filter(|named| named.is_ours && !named.in_tests && named.path.starts_with(folder))
        {
            let Some(word) = named.path.get(folder.len()) else { continue };
            let target = if children.contains(word) { Some(word) } else { facade.get(word) };
            edges.extend(target.filter(|target| *target != child).cloned());
        }
    }
    graph
}

/// Which child the folder's `mod.rs` takes each of its names from.
fn facade(folder: &[String], sources: &[Source], children: &BTreeSet<&String>) -> BTreeMap<String, String> {
    let of_facade = sources.iter().filter(|source| source.module == folder).flat_map(|source| &source.paths);
    let from_child = |path: &Words| Some((path.last()?.clone(), path.first()?.clone()));
    of_facade.filter(|named| children.contains(&named.path[0])).filter_map(|named| from_child(&named.path)).collect()
}

fn circle(graph: &Graph) -> Option<Vec<String>> {
    graph.keys().find_map(|start| way_back(graph, start, &mut vec![start.clone()], &mut BTreeSet::new()))
}

/// A way from the end of `way` to `start`.
fn way_back(graph: &Graph, start: &String, way: &mut Vec<String>, seen: &mut BTreeSet<String>) -> Option<Vec<String>> {
    let end = way.last()?.clone();
    for next in graph.get(&end)? {
        way.push(next.clone());
        if next == start {
            return Some(way.clone());
        }
        if seen.insert(next.clone())
            && let Some(found) = way_back(graph, start, way, seen)
        {
            return Some(found);
        }
        way.pop();
    }
    None
}
