//! The CBOR messages of the Nitro security module.
//!
//! ```text
//! request   {"Attestation": {"user_data": bytes, "nonce": bytes, "public_key": bytes or null}}
//!           | {"DescribePCR": {"index": n}} | {"ExtendPCR": {"index": n, "data": bytes}}
//!           | {"LockPCR": {"index": n}} | "DescribeNSM"
//! response  {"Attestation": {"document": bytes}}
//!           | {"DescribePCR": {"lock": bool, "data": bytes}} | {"ExtendPCR": {"data": bytes}}
//!           | "LockPCR" | {"DescribeNSM": {..}} | {"Error": text}
//! ```

use core::convert::Infallible;
use core::fmt;

use minicbor::data::Type;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::Error as EncodeError;
use minicbor::{Decoder, Encoder};

use super::REGISTER_BYTES;

/// The most registers that an answer may list.
const REGISTERS_MAX: u64 = 64;

/// What the module is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A signed document over two values.
    Attest {
        /// What the document binds.
        user_data: Vec<u8>,
        /// The challenge it answers.
        nonce: Vec<u8>,
        /// A key that the document names.
        public_key: Option<Vec<u8>>,
    },
    /// The state of a register.
    DescribeRegister {
        /// The register.
        index: u16,
    },
    /// One step forward of a register: SHA-384 of its value and of `data`.
    ExtendRegister {
        /// The register.
        index: u16,
        /// What it takes in.
        data: Vec<u8>,
    },
    /// The end of a register's changes.
    LockRegister {
        /// The register.
        index: u16,
    },
    /// What the module is.
    DescribeModule,
}

/// What the module answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Response {
    Document(Vec<u8>),
    Register(RegisterState),
    Extended { value: [u8; REGISTER_BYTES] },
    Locked,
    Module(ModuleDescription),
}

/// A register as the module describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterState {
    /// Whether it can no longer change.
    pub locked: bool,
    /// Its value.
    pub value: [u8; REGISTER_BYTES],
}

/// A module as it describes itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleDescription {
    /// Version of its interface: major, minor, patch.
    pub version: [u16; 3],
    /// Its name: instance and enclave.
    pub module_id: String,
    /// How many registers it has.
    pub registers: u16,
    /// Which of them are locked.
    pub locked: Vec<u16>,
    /// The digest that its registers are made with.
    pub digest: String,
}

/// The module's own codes for what went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorCode {
    /// An argument is wrong.
    InvalidArgument,
    /// There is no such register.
    InvalidIndex,
    /// The module's own answer did not fit the request.
    InvalidResponse,
    /// The register is locked.
    ReadOnlyIndex,
    /// The module cannot do this.
    InvalidOperation,
    /// The answer does not fit into the room for it.
    BufferTooSmall,
    /// The request is too large.
    InputTooLarge,
    /// The module failed.
    InternalError,
    /// A code that this program does not know, or "success" where there is none.
    Other(String),
}

/// Why the module's answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NsmMessageError {
    /// The module refused.
    #[error("the module refused: {code}")]
    Refused {
        /// The module's own code.
        code: ErrorCode,
    },
    /// The answer has another form, or is the answer to something else.
    #[error("malformed answer")]
    Malformed,
}

impl Request {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut Encoder::new(&mut bytes))
            .expect("a Vec takes every write");
        bytes
    }

    fn write(&self, out: &mut Encoder<&mut Vec<u8>>) -> Result<(), EncodeError<Infallible>> {
        match self {
            Self::Attest {
                user_data,
                nonce,
                public_key,
            } => {
                out.map(1)?.str("Attestation")?.map(3)?;
                out.str("user_data")?.bytes(user_data)?;
                out.str("nonce")?.bytes(nonce)?;
                match public_key {
                    Some(key) => out.str("public_key")?.bytes(key)?,
                    None => out.str("public_key")?.null()?,
                };
            }
            Self::DescribeRegister { index } => {
                out.map(1)?.str("DescribePCR")?.map(1)?;
                out.str("index")?.u16(*index)?;
            }
            Self::ExtendRegister { index, data } => {
                out.map(1)?.str("ExtendPCR")?.map(2)?;
                out.str("index")?.u16(*index)?.str("data")?.bytes(data)?;
            }
            Self::LockRegister { index } => {
                out.map(1)?.str("LockPCR")?.map(1)?;
                out.str("index")?.u16(*index)?;
            }
            Self::DescribeModule => {
                out.str("DescribeNSM")?;
            }
        }
        Ok(())
    }
}

impl Response {
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, NsmMessageError> {
        let mut decoder = Decoder::new(bytes);
        let answer = read(&mut decoder).map_err(|_| NsmMessageError::Malformed)?;
        if decoder.position() != bytes.len() {
            return Err(NsmMessageError::Malformed);
        }
        answer.map_err(|code| NsmMessageError::Refused { code })
    }
}

fn read(decoder: &mut Decoder<'_>) -> Result<Result<Response, ErrorCode>, DecodeError> {
    if decoder.datatype()? == Type::String {
        return match decoder.str()? {
            "LockPCR" => Ok(Ok(Response::Locked)),
            _ => Err(DecodeError::message("an answer without content")),
        };
    }
    map(decoder, 1)?;
    let response = match decoder.str()? {
        "Error" => return Ok(Err(ErrorCode::of(decoder.str()?))),
        "Attestation" => {
            map(decoder, 1)?;
            key(decoder, "document")?;
            Response::Document(decoder.bytes()?.to_vec())
        }
        "DescribePCR" => {
            map(decoder, 2)?;
            key(decoder, "lock")?;
            let locked = decoder.bool()?;
            key(decoder, "data")?;
            let value = register(decoder)?;
            Response::Register(RegisterState { locked, value })
        }
        "ExtendPCR" => {
            map(decoder, 1)?;
            key(decoder, "data")?;
            let value = register(decoder)?;
            Response::Extended { value }
        }
        "DescribeNSM" => Response::Module(module(decoder)?),
        _ => return Err(DecodeError::message("an unknown answer")),
    };
    Ok(Ok(response))
}

fn module(decoder: &mut Decoder<'_>) -> Result<ModuleDescription, DecodeError> {
    let mut module = ModuleDescription::default();
    map(decoder, 7)?;
    let names = ["version_major", "version_minor", "version_patch"];
    for (name, number) in names.into_iter().zip(&mut module.version) {
        key(decoder, name)?;
        *number = decoder.u16()?;
    }
    key(decoder, "module_id")?;
    decoder.str()?.clone_into(&mut module.module_id);
    key(decoder, "max_pcrs")?;
    module.registers = decoder.u16()?;
    key(decoder, "locked_pcrs")?;
    let count = decoder.array()?.filter(|count| *count <= REGISTERS_MAX);
    let count = count.ok_or_else(|| DecodeError::message("not a short list"))?;
    for _ in 0..count {
        module.locked.push(decoder.u16()?);
    }
    key(decoder, "digest")?;
    decoder.str()?.clone_into(&mut module.digest);
    Ok(module)
}

fn map(decoder: &mut Decoder<'_>, entries: u64) -> Result<(), DecodeError> {
    match decoder.map()? {
        Some(count) if count == entries => Ok(()),
        _ => Err(DecodeError::message("another number of entries")),
    }
}

fn key(decoder: &mut Decoder<'_>, name: &str) -> Result<(), DecodeError> {
    match decoder.str()? {
        found if found == name => Ok(()),
        _ => Err(DecodeError::message("another name")),
    }
}

fn register(decoder: &mut Decoder<'_>) -> Result<[u8; REGISTER_BYTES], DecodeError> {
    let bytes = decoder.bytes()?;
    <[u8; REGISTER_BYTES]>::try_from(bytes)
        .map_err(|_| DecodeError::message("a register of another length"))
}

impl ErrorCode {
    /// The code that the module names so.
    fn of(name: &str) -> Self {
        match name {
            "InvalidArgument" => Self::InvalidArgument,
            "InvalidIndex" => Self::InvalidIndex,
            "InvalidResponse" => Self::InvalidResponse,
            "ReadOnlyIndex" => Self::ReadOnlyIndex,
            "InvalidOperation" => Self::InvalidOperation,
            "BufferTooSmall" => Self::BufferTooSmall,
            "InputTooLarge" => Self::InputTooLarge,
            "InternalError" => Self::InternalError,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidArgument => out.write_str("an argument is wrong"),
            Self::InvalidIndex => out.write_str("there is no such register"),
            Self::InvalidResponse => out.write_str("its own answer did not fit"),
            Self::ReadOnlyIndex => out.write_str("the register is locked"),
            Self::InvalidOperation => out.write_str("it cannot do this"),
            Self::BufferTooSmall => out.write_str("the answer does not fit"),
            Self::InputTooLarge => out.write_str("the request is too large"),
            Self::InternalError => out.write_str("it failed"),
            Self::Other(name) => write!(out, "unknown code {name:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
