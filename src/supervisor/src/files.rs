//! Files between a thread and its agent: what goes into a prompt, and what the agent offers. Only regular files that
//! really lie inside the thread's workspace, links resolved.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use agent_client_protocol::v1::schema::{ContentBlock, ImageContent, ResourceLink};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conversation::{Attachment, Spoke};
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use url::Url;

/// Images up to so many bytes go into the prompt itself.
const LARGEST_IMAGE: u64 = 5 * 1024 * 1024;

/// What of a turn's messages is sent to an agent: their text with a line for each file, and the files.
pub(crate) async fn prompt(
    messages: Vec<Spoke>,
    workspace: &Path,
    accepts_images: bool,
) -> Vec<ContentBlock> {
    let workspace = workspace.to_owned();
    let read = tokio::task::spawn_blocking(move || blocks(&messages, &workspace, accepts_images));
    read.await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

fn blocks(messages: &[Spoke], workspace: &Path, accepts_images: bool) -> Vec<ContentBlock> {
    // A message may consist of files alone.
    let texts = messages.iter().map(|spoke| spoke.text.as_str());
    let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
    let mut text = texts.join("\n\n");
    let mut blocks = Vec::new();
    for file in messages.iter().flat_map(|spoke| &spoke.files) {
        let Some(found) = Found::inside(workspace, Path::new(&file.path)) else {
            text.push_str("\n\n[attached file: ");
            text.push_str(&file.path);
            text.push_str("; it is no longer there]");
            continue;
        };
        let line = format!(
            "\n\n[attached file: {} ({} bytes)]",
            found.path.display(),
            found.size
        );
        text.push_str(&line);
        let named = link(file, &found);
        let image = if accepts_images { image(file, found) } else { None };
        blocks.push(image.unwrap_or(named));
    }
    blocks.insert(0, text.trim_start_matches('\n').into());
    blocks
}

/// The file that an agent's link names, if it may be shown.
pub(crate) async fn offered(link: &ResourceLink, workspace: &Path) -> Option<Attachment> {
    let named = match Url::parse(&link.uri) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok()?,
        Ok(_) => return None,
        // Some agents give a bare path.
        Err(_) => PathBuf::from(&link.uri),
    };
    let workspace = workspace.to_owned();
    let found = tokio::task::spawn_blocking(move || Found::inside(&workspace, &named));
    let Found {
        path, size, relative, ..
    } = found.await.ok().flatten()?;
    let name = path.file_name()?.to_string_lossy().into_owned();
    let mime = link.mime_type.clone();
    Some(Attachment {
        mime: mime.unwrap_or_else(|| mime_of(&name).to_owned()),
        name,
        path: relative.to_str()?.to_owned(),
        size,
    })
}

/// A regular file inside a workspace, opened: what stands at its path later is no matter.
struct Found {
    file: File,
    /// Where it really is.
    path: PathBuf,
    /// The same, from the workspace on.
    relative: PathBuf,
    size: u64,
}

impl Found {
    /// A relative path is relative to the workspace; an absolute one has to begin with it. The kernel walks, so an agent
    /// that swaps a link meanwhile leads nowhere; links that stay inside are followed.
    fn inside(workspace: &Path, path: &Path) -> Option<Self> {
        let root = workspace.canonicalize().ok()?;
        let below = path
            .strip_prefix(&root)
            .or_else(|_| path.strip_prefix(workspace))
            .unwrap_or(path);
        let folder = File::open(&root).ok()?;
        // Opening a pipe would wait for somebody to write into it.
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let how = OpenHow::new()
            .flags(flags)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let file = File::from(openat2(&folder, below, how).ok()?);
        let metadata = file.metadata().ok().filter(Metadata::is_file)?;
        let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
        let relative = path.strip_prefix(&root).ok()?.to_owned();
        let size = metadata.len();
        Some(Self {
            file,
            path,
            relative,
            size,
        })
    }
}

fn image(file: &Attachment, found: Found) -> Option<ContentBlock> {
    let is_image = ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&file.mime.as_str());
    if !is_image || found.size > LARGEST_IMAGE {
        return None;
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    found.file.take(LARGEST_IMAGE + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > LARGEST_IMAGE {
        return None;
    }
    let image = ImageContent::new(STANDARD.encode(bytes), file.mime.as_str());
    Some(ContentBlock::Image(image.uri(file_url(&found.path))))
}

fn link(file: &Attachment, found: &Found) -> ContentBlock {
    let uri = file_url(&found.path).unwrap_or_else(|| found.path.to_string_lossy().into_owned());
    let link = ResourceLink::new(file.name.as_str(), uri).mime_type(file.mime.clone());
    ContentBlock::ResourceLink(link.size(i64::try_from(found.size).ok()))
}

fn file_url(path: &Path) -> Option<String> {
    Url::from_file_path(path).ok().map(String::from)
}

/// Media types by the end of a name, as far as a chat shows them differently.
fn mime_of(name: &str) -> &'static str {
    let ending = name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("pdf") => "application/pdf",
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("md") => "text/markdown",
        Some("txt" | "log") => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use credentials::UserId;
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

    use super::*;

    fn turn(files: &[(&str, &str)]) -> Vec<Spoke> {
        let attachment = |(path, mime): &(&str, &str)| Attachment {
            name: (*path).to_owned(),
            path: (*path).to_owned(),
            size: 0,
            mime: (*mime).to_owned(),
        };
        vec![Spoke {
            by: UserId::parse("web:u").unwrap(),
            name: "U".into(),
            text: "look".into(),
            files: files.iter().map(attachment).collect(),
        }]
    }

    fn text(block: &ContentBlock) -> &str {
        match block {
            ContentBlock::Text(text) => &text.text,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn images_go_into_the_prompt_other_files_are_linked_and_all_are_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.png"), b"png").unwrap();
        fs::write(folder.path().join("b c.log"), b"log").unwrap();
        let turn = turn(&[("a.png", "image/png"), ("b c.log", "text/plain")]);
        let blocks = prompt(turn.clone(), folder.path(), true).await;
        assert!(text(&blocks[0]).starts_with("look\n\n[attached file: /"));
        assert!(text(&blocks[0]).contains("b c.log (3 bytes)]"));
        assert!(matches!(&blocks[1], ContentBlock::Image(image) if image.data == "cG5n"));
        assert!(matches!(&blocks[2], ContentBlock::ResourceLink(link)
            if link.uri.starts_with("file:///") && link.uri.ends_with("/b%20c.log") && link.size == Some(3)));
        let blocks = prompt(turn.clone(), folder.path(), false).await;
        assert!(
            matches!(&blocks[1], ContentBlock::ResourceLink(_)),
            "the agent takes no images"
        );
    }

    #[tokio::test]
    async fn no_file_outside_the_workspace_goes_into_a_prompt_or_out_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("w");
        fs::create_dir(&workspace).unwrap();
        fs::create_dir(workspace.join("folder")).unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, b"s").unwrap();
        std::os::unix::fs::symlink(&secret, workspace.join("link")).unwrap();
        let secret = secret.to_str().unwrap();
        for path in ["../secret", "link", "folder", "none", secret, ""] {
            let blocks = prompt(turn(&[(path, "image/png")]), &workspace, true).await;
            assert_eq!(blocks.len(), 1, "{path}");
            assert!(text(&blocks[0]).contains("no longer there"));
            let uri = Url::from_file_path(workspace.join(path)).unwrap();
            for uri in [
                uri.as_str(),
                path,
                "https://example.org/x",
                &format!("file://{secret}"),
            ] {
                assert_eq!(
                    offered(&ResourceLink::new("x", uri), &workspace).await,
                    None,
                    "{uri}"
                );
            }
        }
    }

    #[tokio::test]
    async fn whoever_swaps_a_folder_for_a_link_all_the_time_gets_nothing_from_outside() {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, hidden) = (folder.path().join("w"), folder.path().join("hidden"));
        for place in [workspace.join("a"), hidden.clone()] {
            fs::create_dir_all(place).unwrap();
        }
        fs::write(workspace.join("a/x.png"), "inside").unwrap();
        fs::write(hidden.join("x.png"), "secret").unwrap();
        let (one, other) = (workspace.join("a"), workspace.join("b"));
        std::os::unix::fs::symlink(&hidden, &other).unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let swaps = std::thread::spawn({
            let is_over = is_over.clone();
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    renameat2(AT_FDCWD, &one, AT_FDCWD, &other, RenameFlags::RENAME_EXCHANGE).unwrap();
                }
            }
        });
        let (turn, mut read) = (turn(&[("a/x.png", "image/png")]), 0);
        let secret = STANDARD.encode("secret");
        for _ in 0..4000 {
            for block in prompt(turn.clone(), &workspace, true).await {
                if let ContentBlock::Image(image) = block {
                    assert_ne!(image.data, secret);
                    read += 1;
                }
            }
        }
        is_over.store(true, Ordering::Relaxed);
        swaps.join().unwrap();
        assert!(read > 0, "it is there half of the time");
    }

    #[tokio::test]
    async fn a_file_in_the_workspace_is_offered_by_its_path_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        let path = folder.path().join("out/a b.txt");
        fs::write(&path, b"hello").unwrap();
        let uri = Url::from_file_path(&path).unwrap();
        let expected = Attachment {
            name: "a b.txt".into(),
            path: "out/a b.txt".into(),
            size: 5,
            mime: "text/plain".into(),
        };
        for uri in [uri.as_str(), path.to_str().unwrap(), "out/a b.txt"] {
            let found = offered(&ResourceLink::new("whatever", uri), folder.path()).await;
            assert_eq!(found.as_ref(), Some(&expected), "{uri}");
        }
    }
}
