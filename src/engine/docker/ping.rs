//! Asks an engine for its API version in the cheapest way there is.
//!
//! bollard asks `/version`, for which an engine runs other programs: 5 to 13 ms, where `/_ping` takes 0.3.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::connection::Address;

/// How long an engine may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(15);

/// Returns the newest API version that the engine at `address` speaks, or why it does not answer.
pub(super) async fn api_version(address: &Address) -> Result<(u32, u32), String> {
    match tokio::time::timeout(PATIENCE, ask(address)).await {
        Err(_) => Err("no answer in 15 seconds".to_owned()),
        Ok(Err(error)) => Err(plain(&error)),
        Ok(Ok(answer)) => header(&answer, "api-version")
            .and_then(parse_version)
            .ok_or_else(|| "what answers there is not a Docker Engine".to_owned()),
    }
}

/// Parses `1.41`.
pub(super) fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().trim_start_matches('v').split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

async fn ask(address: &Address) -> std::io::Result<String> {
    match address {
        #[cfg(unix)]
        Address::Unix(path) => exchange(tokio::net::UnixStream::connect(path).await?).await,
        #[cfg(windows)]
        Address::Pipe(path) => {
            exchange(tokio::net::windows::named_pipe::ClientOptions::new().open(path)?).await
        }
        Address::Tcp(host) => exchange(tokio::net::TcpStream::connect(host.as_str()).await?).await,
        _ => Err(std::io::Error::other("this system has no such connections")),
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    // The headers of a ping take a few hundred bytes.
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") && answer.len() < 16_384 {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Says an error in the words of the system, without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse_version("1.41"), Some((1, 41)));
        assert!(parse_version("1.9") < parse_version("1.41"));
        assert_eq!(parse_version("new"), None);
        let answer = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\nOK";
        assert_eq!(header(answer, "api-version"), Some("1.41"));
    }

    #[test]
    fn errors_are_said_plainly() {
        assert_eq!(plain(&std::io::Error::from_raw_os_error(2)), "no such file or directory");
    }
}
