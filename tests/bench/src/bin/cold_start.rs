//! Measures a cold start. Acts as Lambda's runtime API for one invocation, and prints as JSON: the milliseconds from
//! the start of the process to its first answer, its peak memory, and the answer.
//!
//! `cold_start EVENT.json PROGRAM [ARGUMENT…]`; the program inherits the environment.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let event = arguments.next().context("which event?")?;
    let event = std::fs::read_to_string(&event).context(event)?;
    let program = arguments.next().context("which program?")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .stdout(std::process::Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn()?;
    let answer = serve(&listener, &event, || (start.elapsed(), peak_memory(child.id())));
    child.kill()?;
    child.wait()?;
    let (answer, (elapsed, memory)) = answer?;
    println!(
        "{{\"ms\": {:.3}, \"mib\": {:.2}, \"answer\": {}}}",
        elapsed.as_secs_f64() * 1_000.0,
        memory? / 1024.0,
        answer
    );
    Ok(())
}

/// Sends the event when the function asks for the next invocation. Returns its answer, and what `measure` returned
/// when the answer arrived.
fn serve<T>(listener: &TcpListener, event: &str, measure: impl Fn() -> T) -> Result<(String, T)> {
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some((request, body)) = read_request(&mut reader)? {
            if request.starts_with("GET") {
                send_event(&stream, event)?;
            } else if request.contains("/response") {
                // Measure before the connection closes, because the function ends then.
                return Ok((body, measure()));
            } else {
                bail!("{request}: {body}");
            }
        }
    }
}

/// The next request on a connection, or `None` if it was closed.
fn read_request(reader: &mut impl BufRead) -> Result<Option<(String, String)>> {
    let mut request = String::new();
    if reader.read_line(&mut request)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    let mut chunked = false;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        chunked |= header == "transfer-encoding: chunked";
    }
    let mut body = Vec::new();
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16)?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        body.extend_from_slice(&chunk[..size]);
        chunked = size > 0;
    }
    let mut rest = vec![0; length];
    reader.read_exact(&mut rest)?;
    body.extend(rest);
    Ok(Some((request.trim().to_owned(), String::from_utf8(body)?)))
}

fn send_event(mut stream: &TcpStream, event: &str) -> Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\n\
         lambda-runtime-deadline-ms: 9999999999999\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:1:function:bench\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{event}",
        event.len()
    )?;
    Ok(())
}

/// Peak resident memory in KiB.
fn peak_memory(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(peak.context("no VmHWM")?.trim().trim_end_matches(" kB").parse()?)
}
