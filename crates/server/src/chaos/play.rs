//! Carries a plan out on a connection, and notices when the client leaves meanwhile.

use super::plan::{End, Plan, Step};
use bytes::BytesMut;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How a plan went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Played {
    /// Bytes that were sent.
    pub(super) sent: usize,
    /// The client left before the last step was done.
    pub(super) left: bool,
}

/// Plays all steps. What the client sends meanwhile is kept in `input`.
pub(super) async fn play<S>(stream: &mut S, input: &mut BytesMut, plan: &Plan) -> Played
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut sent = 0;
    for step in &plan.steps {
        let done = match step {
            Step::Send(bytes) => send(stream, bytes, &mut sent).await,
            Step::Wait(ms) => wait(stream, input, Duration::from_millis(*ms)).await,
            Step::Silence => Err(left(stream, input).await),
        };
        if done.is_err() {
            return Played { sent, left: true };
        }
    }
    if plan.end == End::HalfClose {
        let gone = stream.shutdown().await.is_err();
        if !gone {
            left(stream, input).await;
        }
        return Played { sent, left: gone };
    }
    Played { sent, left: false }
}

/// Each step leaves as it is: the client sees the pieces that the plan has.
async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8], sent: &mut usize) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = stream.write(rest).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        *sent += count;
        rest = rest.get(count..).unwrap_or_default();
    }
    stream.flush().await
}

async fn wait<S: AsyncRead + Unpin>(
    stream: &mut S,
    input: &mut BytesMut,
    length: Duration,
) -> io::Result<()> {
    tokio::select! {
        biased;
        gone = left(stream, input) => Err(gone),
        () = tokio::time::sleep(length) => Ok(()),
    }
}

/// Waits until the client closes or breaks the connection.
pub(super) async fn left<S: AsyncRead + Unpin>(stream: &mut S, input: &mut BytesMut) -> io::Error {
    loop {
        match stream.read_buf(input).await {
            Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;
    use tokio::time::Instant;

    fn steps(steps: Vec<Step>) -> Plan {
        Plan { status: Some(200), steps, end: End::Keep }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_are_as_long_as_they_say() {
        let (mut near, mut far) = duplex(1024);
        let plan = steps(vec![
            Step::Wait(700),
            Step::Send(b"a".to_vec()),
            Step::Wait(50),
            Step::Send(b"b".to_vec()),
        ]);
        let begin = Instant::now();
        let played = play(&mut near, &mut BytesMut::new(), &plan).await;
        assert_eq!(begin.elapsed(), Duration::from_millis(750));
        assert_eq!(played, Played { sent: 2, left: false });
        let mut got = [0; 2];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"ab");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_lasts_until_the_client_leaves() {
        let (mut near, far) = duplex(1024);
        let plan = steps(vec![Step::Send(b"head".to_vec()), Step::Silence]);
        let mut input = BytesMut::new();
        let playing = play(&mut near, &mut input, &plan);
        let mut playing = std::pin::pin!(playing);
        let hours = Duration::from_secs(24 * 3600);
        assert!(tokio::time::timeout(hours, playing.as_mut()).await.is_err(), "a day is not enough");
        drop(far);
        assert_eq!(playing.await, Played { sent: 4, left: true });
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_ends_a_wait_at_once() {
        let (mut near, mut far) = duplex(1024);
        far.write_all(b"more").await.unwrap();
        drop(far);
        let mut input = BytesMut::new();
        let plan = steps(vec![Step::Wait(u64::MAX / 2), Step::Send(b"late".to_vec())]);
        assert_eq!(play(&mut near, &mut input, &plan).await, Played { sent: 0, left: true });
        assert_eq!(&input[..], b"more", "what came is kept");
    }
}
