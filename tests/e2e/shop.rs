//! A shop whose customers are enrolled and have money: a vendor, a scanner's key, an
//! administrator.

use std::time::Duration;

use boop_sdk::{
    AdminClient, ClientTrust, ContextRequest, UserClient, VendorClient, VendorError, VendorLogin,
    VendorResult,
};
use boop_sdk::{PalmCapture, ScannerLogin};
use boop_wire::UserId;
use boop_wire::api::{EnrolReceipt, RegisterRequest, Requirements};
use boop_wire::id::ContextId;
use boop_wire::job::Subject;
use boop_wire::ledger::Currency;
use boop_world::{Visitor, visitor};
use zeroize::Zeroizing;

use crate::bench::{Bench, SEED};
use crate::scanner::{Answer, Scanner};

/// What everybody has on the account.
pub(crate) const CREDIT: i64 = 5_000;
/// What things cost.
pub(crate) const PRICE: i64 = 420;
pub(crate) const CURRENCY: &str = "EUR";
const PATIENCE: Duration = Duration::from_secs(20);

/// A customer with a palm and an account.
pub(crate) struct Customer {
    pub(crate) visitor: Visitor,
    pub(crate) user: UserId,
    pub(crate) receipt: EnrolReceipt,
}

/// A shop.
pub(crate) struct Shop {
    pub(crate) admin: AdminClient,
    pub(crate) vendor: VendorClient,
    pub(crate) vendor_login: VendorLogin,
    pub(crate) scanner: Scanner,
    pub(crate) scanner_login: ScannerLogin,
    pub(crate) terminal: String,
    contexts: u32,
}

impl Shop {
    pub(crate) async fn open(bench: &Bench) -> Self {
        let mut admin = bench.admin().await;
        let vendor = admin.create_vendor("Corner shop").await.unwrap();
        let terminal = "till-1".to_owned();
        let scanner = admin
            .create_scanner(vendor.vendor_id.clone(), terminal.parse().unwrap())
            .await
            .unwrap();
        let vendor_login = VendorLogin {
            vendor_id: vendor.vendor_id,
            api_key: Zeroizing::new(vendor.api_key),
        };
        let scanner_login = ScannerLogin {
            scanner_id: scanner.scanner_id,
            scanner_key: Zeroizing::new(scanner.scanner_key),
        };
        let (client, gateway) = (&bench.client, &bench.gateway);
        let vendor = VendorClient::connect(client, gateway, &vendor_login);
        Self {
            admin,
            vendor: vendor.await.unwrap(),
            vendor_login,
            scanner: Scanner::connect(bench, &scanner_login).await,
            scanner_login,
            terminal,
            contexts: 0,
        }
    }

    /// Connects vendor and scanner again, as after the gateway was away.
    pub(crate) async fn reconnect(&mut self, bench: &Bench) {
        let (client, gateway) = (&bench.client, &bench.gateway);
        let vendor = VendorClient::connect(client, gateway, &self.vendor_login);
        self.vendor = vendor.await.unwrap();
        self.scanner = Scanner::connect(bench, &self.scanner_login).await;
    }

    /// Enrols a person and puts money on the account.
    pub(crate) async fn enrol(&mut self, bench: &Bench, person: u64) -> Customer {
        let visitor = visitor(SEED, person).unwrap();
        let registered = self.register(bench).await;
        let (mut stream, registration) = registered;
        let subject = Subject::Enrol {
            user: registration.user_id,
        };
        let split = crate::scanner::split(&visitor.enrolment, &subject);
        let capture = split.seal(&bench.view().await).unwrap();
        let (user, token) = (registration.user_id, &registration.session_token);
        self.scanner.send_enrolment(user, token, &capture).await;
        let answer = self.scanner.answer(split.request()).await;
        assert_eq!(answer, Answer::GOOD, "person {person}");
        let enrolled = stream.wait_enrolment(PATIENCE).await.unwrap();
        self.credit(user).await;
        Customer {
            visitor,
            user,
            receipt: enrolled.receipt,
        }
    }

    /// Registers a user and opens its stream.
    pub(crate) async fn register(
        &self,
        bench: &Bench,
    ) -> (UserClient, boop_wire::api::RegisterResponse) {
        register_at(&bench.client, &bench.gateway).await
    }

    pub(crate) async fn credit(&mut self, user: UserId) {
        let amount = u64::try_from(CREDIT).unwrap();
        let currency = Currency::new(CURRENCY).unwrap();
        self.admin.credit(user, amount, currency).await.unwrap();
    }

    pub(crate) async fn balance(&mut self, user: UserId) -> i64 {
        self.admin.balance(user).await.unwrap()
    }

    /// Opens a context for a payment of [`PRICE`].
    pub(crate) async fn ask(&mut self) -> ContextId {
        self.ask_for(PRICE).await
    }

    pub(crate) async fn ask_for(&mut self, amount: i64) -> ContextId {
        let request = self.request(u64::try_from(amount).unwrap());
        self.vendor.create_context(&request).await.unwrap();
        request.context_id
    }

    /// Returns the next payment context of this shop, not yet opened.
    pub(crate) fn request(&mut self, amount: u64) -> ContextRequest {
        self.contexts += 1;
        ContextRequest {
            context_id: format!("ctx-{}", self.contexts).parse().unwrap(),
            requirements: Requirements::payment(self.terminal.parse().unwrap(), amount, CURRENCY),
            timeout_ms: Some(120_000),
        }
    }

    /// Asks for a payment and shows a palm; the vendor's result has been checked by its receipt.
    pub(crate) async fn pay(&mut self, bench: &Bench, palm: &PalmCapture) -> VendorResult {
        self.pay_amount(bench, palm, PRICE).await
    }

    pub(crate) async fn pay_amount(
        &mut self,
        bench: &Bench,
        palm: &PalmCapture,
        amount: i64,
    ) -> VendorResult {
        let id = self.ask_for(amount).await;
        let context = self.scanner.hear(&id).await;
        let split = crate::scanner::split(palm, &Subject::Identify(context));
        let capture = split.seal(&bench.view().await).unwrap();
        self.scanner.send_capture(&id, &capture).await;
        let answer = self.scanner.answer(split.request()).await;
        let result = self.vendor.wait_result(&id, PATIENCE).await.unwrap();
        assert_eq!(answer.success, result.result.success);
        assert_eq!(answer.code, result.result.code);
        result
    }

    /// Makes sure that a context has ended, so that the terminal is free.
    pub(crate) async fn cancel(&mut self, context: &ContextId) {
        // One that has ended by itself, or of an earlier connection, cannot be cancelled or heard
        // of; the next context shows whether the terminal is free.
        let _ = self.vendor.cancel_context(context).await;
        let _ = self.vendor.wait_result(context, PATIENCE).await;
    }

    /// Waits for a context's result, as long as a result that is there would take.
    pub(crate) async fn result(&mut self, context: &ContextId) -> VendorResult {
        self.vendor.wait_result(context, PATIENCE).await.unwrap()
    }

    /// Tells why there is no result yet.
    pub(crate) async fn no_result(&mut self, context: &ContextId) -> VendorError {
        let wait = Duration::from_millis(200);
        self.vendor.wait_result(context, wait).await.unwrap_err()
    }

    /// Has a customer pay and checks that it works and costs the price once.
    pub(crate) async fn check_payment(&mut self, bench: &Bench, customer: &Customer) {
        let before = self.balance(customer.user).await;
        let paid = self.pay(bench, &customer.visitor.probe).await;
        assert!(paid.result.success, "{:?}", paid.result.code);
        assert_eq!(self.balance(customer.user).await, before - PRICE);
    }
}

/// Registers a user and opens its stream.
pub(crate) async fn register_at(
    client: &ClientTrust,
    gateway: &str,
) -> (UserClient, boop_wire::api::RegisterResponse) {
    let request = RegisterRequest::default();
    let registration = UserClient::register(client, gateway, &request).await;
    let registration = registration.unwrap();
    let stream = UserClient::follow(client, gateway, &registration);
    (stream.await.unwrap(), registration)
}
