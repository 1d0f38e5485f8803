//! Compiles `proto/` without protoc, in two passes: messages and clients, then
//! the servers. The servers read and write through our own codec, and send
//! sealed publications as the bytes that they were stored as.

use std::{env, error::Error, fs, path::Path, path::PathBuf};

use prost::Message;

/// Messages that servers send as bytes: what is published as it was stored, the
/// messages of feeds as they were encoded once for all watchers.
const SEALED: [&str; 4] =
    ["PublishedIssue", "PublishedArticle", "WatchPublicationsResponse", "WatchChangesResponse"];

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new("proto");
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");

    let mut files = files_below(&proto.join("masthead"))?;
    // No file imports the error details; they are compiled so that reflection
    // can describe what an error carries.
    files.push(proto.join("google/rpc/error_details.proto"));

    let mut compiler = protox::Compiler::new([proto])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Encoded by protox itself: decoding into prost's descriptor types would
    // drop the google.api options.
    let encoded = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptor_set.bin"), &encoded)?;
    let descriptors = prost_types::FileDescriptorSet::decode(encoded.as_slice())?;

    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".masthead.v1")
        .compile_fds(descriptors.clone())?;

    let servers = out.join("servers");
    fs::create_dir_all(&servers)?;
    let mut configuration = tonic_prost_build::configure()
        .build_client(false)
        .codec_path("crate::wire::codec::Codec")
        .extern_path(".masthead.v1", "crate::pb")
        .extern_path(".google.type", "crate::pb::google::r#type")
        .out_dir(servers);
    for message in SEALED {
        configuration =
            configuration.extern_path(format!(".masthead.v1.{message}"), "crate::wire::codec::Sealed");
    }
    configuration.compile_fds(descriptors)?;
    Ok(())
}

/// The `.proto` files in a folder and the folders in it, sorted.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
