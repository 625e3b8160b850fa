//! A party process whose host is this program: to see what an enclave does whatever its host may
//! say, and to run binaries that no honest host would keep.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use boop_abi::{FRAME_BYTES_MAX, FarEnd, FromHost, StreamId, ToHost};
use boop_wire::PartyIndex;
use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::evidence::EvidenceBundle;
use boop_wire::frame::{FrameBuffer, put_frame};
use boop_wire::release::{RELEASE_BYTES_MAX, ReleaseAnswer};

use crate::network::Network;
use crate::process::{Process, Start};

/// How long a party may take to say something.
const PATIENCE: Duration = Duration::from_secs(20);

/// A party under this program's control.
pub struct Puppet {
    process: Process,
    socket: UnixStream,
    frames: FrameBuffer,
    custodian: String,
    blobs: PathBuf,
    folder: PathBuf,
}

impl Puppet {
    /// Starts `binary` as party `index` on that party's machine, and hands it the manifest.
    ///
    /// # Errors
    /// If it cannot be started or does not connect.
    pub fn start(network: &Network, index: PartyIndex, binary: &Path) -> anyhow::Result<Self> {
        let provisioned = network.provisioned();
        let layout = &provisioned.layout;
        let name = format!("puppet-{}", hex::encode(crate::provision::random::<4>()?));
        let folder = layout.path(&name);
        std::fs::create_dir_all(&folder)?;
        symlink(
            layout.machine(index, "chip/chip.sock"),
            folder.join("chip.sock"),
        )?;
        let listener = UnixListener::bind(folder.join("host.sock"))?;
        let process = Process::start(&Start {
            name: name.clone(),
            binary: binary.to_owned(),
            arguments: Vec::new(),
            environment: std::collections::BTreeMap::new(),
            directory: folder.clone(),
            input: Some(layout.machine(index, "party.cbor")),
            log: layout.log(&name),
        })?;
        let socket = accept(&listener)?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let port = provisioned.ports.custodians[index.as_usize()];
        let custodian = format!("127.0.0.1:{port}");
        let frames = FrameBuffer::new(FRAME_BYTES_MAX);
        let mut puppet = Self {
            process,
            socket,
            frames,
            custodian,
            blobs: layout.machine(index, "blobs"),
            folder,
        };
        let manifest = std::fs::read(layout.path("manifest.cbor"))?;
        puppet.say(&FromHost::Manifest(manifest))?;
        Ok(puppet)
    }

    /// Says something to the party, as its host.
    ///
    /// # Errors
    /// If the party is gone.
    pub fn say(&mut self, frame: &FromHost) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, &to_canonical(frame), FRAME_BYTES_MAX)?;
        self.socket.write_all(&bytes)?;
        Ok(())
    }

    /// Waits for the next thing the party says.
    ///
    /// # Errors
    /// If it says nothing for long, or is gone.
    #[expect(clippy::disallowed_methods, reason = "waits in real time")]
    pub fn hear(&mut self) -> anyhow::Result<ToHost> {
        let until = Instant::now() + PATIENCE;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if let Some(frame) = self.frames.take()? {
                return Ok(from_canonical(&frame)?);
            }
            match self.socket.read(&mut buffer) {
                Ok(0) => bail!("the party is gone"),
                Ok(count) => self.frames.push(&buffer[..count]),
                Err(_) if Instant::now() < until => {}
                Err(error) => return Err(error).context("the party says nothing"),
            }
        }
    }

    /// Waits until the party shows boot evidence.
    ///
    /// # Errors
    /// If it does not.
    pub fn evidence(&mut self) -> anyhow::Result<EvidenceBundle> {
        loop {
            if let ToHost::Evidence(bytes) = self.hear()? {
                return Ok(from_canonical(&bytes)?);
            }
        }
    }

    /// Waits until the party asks for a stream, and returns its number. What it reads meanwhile are
    /// the blobs of the machine's host.
    ///
    /// # Errors
    /// If it does not.
    pub fn wait_for_stream(&mut self, wanted: FarEnd) -> anyhow::Result<StreamId> {
        loop {
            match self.hear()? {
                ToHost::OpenStream { stream, to } if to == wanted => return Ok(stream),
                ToHost::BlobGet { slot } => {
                    let blob = self.blobs.join(format!("{:016x}", slot.0));
                    let bytes = std::fs::read(blob).ok();
                    self.say(&FromHost::Blob { slot, bytes })?;
                }
                _ => {}
            }
        }
    }

    /// Connects the party with its custodian and returns the custodian's last word.
    ///
    /// # Errors
    /// If either says nothing.
    pub fn ask_custodian(&mut self) -> anyhow::Result<ReleaseAnswer> {
        let stream = self.wait_for_stream(FarEnd::Custodian)?;
        let mut custodian = TcpStream::connect(&self.custodian)?;
        custodian.set_read_timeout(Some(PATIENCE))?;
        let mut heard = FrameBuffer::new(RELEASE_BYTES_MAX);
        loop {
            if let ToHost::StreamData { stream: on, bytes } = self.hear()?
                && on == stream
            {
                custodian.write_all(&bytes)?;
                let answer = next_answer(&mut custodian, &mut heard)?;
                let mut bytes = Vec::new();
                put_frame(&mut bytes, &to_canonical(&answer), RELEASE_BYTES_MAX)?;
                self.say(&FromHost::StreamData { stream, bytes })?;
                if !matches!(answer, ReleaseAnswer::Challenge { .. }) {
                    return Ok(answer);
                }
            }
        }
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.process.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[expect(clippy::disallowed_methods, reason = "waits in real time")]
fn accept(listener: &UnixListener) -> anyhow::Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(false)?;
                return Ok(socket);
            }
            Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error).context("the party does not connect"),
        }
    }
}

fn next_answer(
    custodian: &mut TcpStream,
    heard: &mut FrameBuffer,
) -> anyhow::Result<ReleaseAnswer> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(frame) = heard.take()? {
            return Ok(from_canonical(&frame)?);
        }
        match custodian.read(&mut buffer)? {
            0 => bail!("the custodian hung up"),
            count => heard.push(&buffer[..count]),
        }
    }
}
