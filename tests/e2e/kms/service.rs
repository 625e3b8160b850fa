//! The simulated KMS behind HTTPS, in a thread of its own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use boop_hsm::KmsSettings;
use boop_tee::kms::{KmsAccount, KmsRequest, SimulatedKms};
use boop_verifier::Roots;
use boop_world::now_ms;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) const REGION: &str = "eu-central-1";

/// A KMS that runs until the process ends.
pub(crate) struct Service {
    kms: Arc<Mutex<SimulatedKms>>,
    port: u16,
    certificate: String,
}

impl Service {
    /// Starts one that believes these roots and has no keys.
    pub(crate) fn start(roots: Roots) -> Self {
        let kms = SimulatedKms::new(account("AKIDEXAMPLE"), roots);
        let kms = Arc::new(Mutex::new(kms));
        let made = rcgen::generate_simple_self_signed(vec![String::from("localhost")]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .unwrap();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let port = socket.local_addr().unwrap().port();
        let served = Arc::clone(&kms);
        std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(serve(socket, TlsAcceptor::from(Arc::new(tls)), served));
        });
        Self {
            kms,
            port,
            certificate: made.cert.pem(),
        }
    }

    pub(crate) fn kms(&self) -> MutexGuard<'_, SimulatedKms> {
        self.kms.lock().unwrap()
    }

    /// Writes what a custodian needs into its folder: roots for TLS, and credentials.
    pub(crate) fn write_files(&self, folder: &Path) {
        fs::write(folder.join("roots.pem"), &self.certificate).unwrap();
        write_credentials(folder, &account("AKIDEXAMPLE"));
    }

    /// Returns the settings of a custodian with these files.
    pub(crate) fn settings(&self, folder: &Path, key: &str) -> KmsSettings {
        KmsSettings {
            endpoint: self.endpoint(),
            region: String::from(REGION),
            key: String::from(key),
            credentials: folder.join("credentials.json"),
            tls_roots: folder.join("roots.pem"),
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.port)
    }
}

/// Returns temporary credentials.
pub(crate) fn account(id: &str) -> KmsAccount {
    KmsAccount {
        region: String::from(REGION),
        access_key_id: String::from(id),
        secret_access_key: format!("{id}/secret+of/40=characters"),
        session_token: Some(format!("{id}//token==")),
    }
}

/// Writes credentials as a credential process prints them.
pub(crate) fn write_credentials(folder: &Path, account: &KmsAccount) {
    let file = folder.join("credentials.json");
    let text = serde_json::json!({
        "Version": 1,
        "AccessKeyId": account.access_key_id,
        "SecretAccessKey": account.secret_access_key,
        "SessionToken": account.session_token,
        "Expiration": "2099-01-01T00:00:00Z",
    });
    fs::write(&file, text.to_string()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
}

async fn serve(socket: std::net::TcpListener, tls: TlsAcceptor, kms: Arc<Mutex<SimulatedKms>>) {
    let listener = TcpListener::from_std(socket).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, kms) = (tls.clone(), Arc::clone(&kms));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else {
                return;
            };
            let answering = service_fn(|request| answer(request, Arc::clone(&kms)));
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), answering);
            // A caller that goes away ends its connection.
            let _ = connection.await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    kms: Arc<Mutex<SimulatedKms>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let headers: BTreeMap<_, _> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()))
        .collect();
    let body = request.into_body().collect().await?.to_bytes();
    let body = body.as_ref();
    let answer = kms
        .lock()
        .unwrap()
        .answer(&KmsRequest { headers, body }, now_ms());
    let answered = Response::builder().status(answer.status);
    Ok(answered.body(Full::from(answer.body)).unwrap())
}
