//! Lets through whom the table allows.

use std::{collections::HashSet, net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status, body::Body};

use super::{
    Call, Credentials, EVERY_NEWSPAPER, Principal, Scope,
    credentials::{Found, Recalled, Shown},
    jwt::{self, Issuers},
    quota::{Quotas, Stream},
    refused::{Refused, Trail},
    strangers::Strangers,
    stream::{Admission, Taken},
    table::{self, Object},
};
use crate::{
    admin::{self, Role},
    audit::recorder::Recorder,
    config::AccessSettings,
    digest::Digest,
    error::{Error, Result, complete},
    telemetry::told,
};

/// Services that anyone may call without a credential: they tell how to call the
/// others, and whether it is worth it.
const OPEN_SERVICES: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// What balancers ask several times a second. It is answered from memory and never held
/// up, whatever else comes from the same address.
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// What balancers and clients leave open.
const HEALTH_WATCH: &str = "/grpc.health.v1.Health/Watch";

/// In which role a person acts who has several: the first of these that may.
const ROLES_BY_WEIGHT: [Role; 5] =
    [Role::Publisher, Role::Editor, Role::Reporter, Role::Operator, Role::Reader];

/// Lets through whom the table allows.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

struct Inner {
    credentials: Credentials,
    issuers: Issuers,
    quotas: Quotas,
    strangers: Strangers,
    recorder: Recorder,
    /// The methods that may go on for long, as `Service/Method`.
    streaming: HashSet<String>,
}

/// Who a credential says is calling.
struct Identity {
    person: String,
    roles: Vec<Role>,
    scope: Scope,
    expire_time: Option<DateTime<Utc>>,
    /// Where it was found, if it can be revoked.
    found: Option<Found>,
}

impl From<Found> for Identity {
    fn from(found: Found) -> Identity {
        let grant = &found.credential.grant;
        Identity {
            person: grant.person.clone(),
            roles: vec![grant.role],
            scope: Scope::of(grant.newspapers.clone()),
            expire_time: grant.expire_time,
            found: Some(found),
        }
    }
}

impl From<jwt::Identity> for Identity {
    fn from(issued: jwt::Identity) -> Identity {
        let jwt::Identity { person, roles, newspapers, expires } = issued;
        Identity { person, roles, scope: Scope::of(newspapers), expire_time: Some(expires), found: None }
    }
}

impl Gate {
    /// A gate that knows these credentials and the tokens of these issuers, and has refused mutations written down.
    pub fn new(
        credentials: Credentials,
        issuers: Issuers,
        recorder: Recorder,
        settings: AccessSettings,
    ) -> Gate {
        let (quotas, strangers) = (Quotas::new(settings), Strangers::new(settings));
        let streaming = streaming_methods();
        Gate { inner: Arc::new(Inner { credentials, issuers, quotas, strangers, recorder, streaming }) }
    }
}

impl Inner {
    /// The caller of a request for this path, none for an open service, and what holds for
    /// its streams.
    async fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
        certificate: Option<Digest>,
        call: &Call,
    ) -> Result<(Option<Principal>, Option<Admission>), Refused> {
        if OPEN_SERVICES.iter().any(|service| path.starts_with(service)) {
            // Apart, as it would make every call as large.
            let admission = Box::pin(self.admit_stranger(path, headers, certificate, call.peer)).await?;
            return Ok((None, admission));
        }
        let method = path.strip_prefix("/masthead.v1.").unwrap_or_default();
        let Some((roles, _, object)) = table::rule_for(method) else {
            return Err(complete(Status::new(Code::Unimplemented, "the server has no such method")).into());
        };
        let identity = self.identify(headers, certificate, call.peer).await?;
        match self.open(&identity, method, roles, object).await {
            Ok((role, admission)) => {
                let call = call.clone();
                let caller = Principal { name: identity.person, role, scope: identity.scope, call };
                Ok((Some(caller), admission))
            }
            Err(error) => {
                let role = identity.roles.first().copied();
                Err(Refused { by: Some((identity.person, role)), status: error.into() })
            }
        }
    }

    /// What holds for a call of an open service, which anyone may make.
    async fn admit_stranger(
        &self,
        path: &str,
        headers: &HeaderMap,
        certificate: Option<Digest>,
        peer: Option<IpAddr>,
    ) -> Result<Option<Admission>> {
        if path == HEALTH_CHECK {
            return Ok(None);
        }
        let counted = if path == HEALTH_WATCH { Ok(()) } else { self.strangers.count(peer) };
        let place = match counted.and_then(|()| self.strangers.open(peer)) {
            Ok(place) => Taken::Stranger(place),
            Err(too_many) => {
                // Whoever proves who they are is none of them.
                let Ok(identity) = self.identify(headers, certificate, peer).await else {
                    return Err(too_many);
                };
                self.quotas.call(&identity.person)?;
                Taken::Person(self.quotas.open(&identity.person, Stream::Watch)?)
            }
        };
        Ok(Some(Admission::of_open_service(place)))
    }

    /// The role in which a known caller may call a method, and what holds for its
    /// streams.
    async fn open(
        &self,
        identity: &Identity,
        method: &str,
        roles: &[Role],
        object: Object,
    ) -> Result<(Role, Option<Admission>)> {
        self.quotas.call(&identity.person)?;
        let role = role_for(identity, method, roles)?;
        if object == Object::Everything && identity.scope != Scope::All {
            return Err(identity.scope.refusal(EVERY_NEWSPAPER));
        }
        let streams = self.streaming.contains(method);
        // Apart, as it would make every call as large.
        Ok((role, if streams { Some(Box::pin(self.keep(identity, method)).await?) } else { None }))
    }

    /// Who is calling. Calls that prove no credential are counted by their address.
    async fn identify(
        &self,
        headers: &HeaderMap,
        certificate: Option<Digest>,
        peer: Option<IpAddr>,
    ) -> Result<Identity> {
        let identified = self.identity(headers, certificate, peer).await;
        if matches!(identified, Err(Error::Unauthenticated)) {
            self.strangers.count(peer)?;
        }
        identified
    }

    /// Who shows a token; without one, whoever has shown a client certificate.
    async fn identity(
        &self,
        headers: &HeaderMap,
        certificate: Option<Digest>,
        peer: Option<IpAddr>,
    ) -> Result<Identity> {
        if let (None, Some(digest)) = (headers.get(AUTHORIZATION), certificate) {
            return Ok(self.credential(Shown { digest, certificate: true }, peer).await?.into());
        }
        let token = bearer(headers).ok_or(Error::Unauthenticated)?;
        let issued = self.issuers.identify(token, Utc::now()).await.map_err(|refused| {
            tracing::debug!(%refused, "a token of the issuer was refused");
            Error::Unauthenticated
        })?;
        if let Some(identity) = issued {
            return Ok(identity.into());
        }
        let shown = Shown { digest: admin::token_digest(token), certificate: false };
        Ok(self.credential(shown, peer).await?.into())
    }

    /// The credential that is shown. Nothing is looked up for addresses that guess.
    async fn credential(&self, shown: Shown, peer: Option<IpAddr>) -> Result<Found> {
        let recalled = self.credentials.recall(&shown);
        if matches!(recalled, Recalled::Unknown { is_familiar: false, .. }) {
            self.strangers.may_try(peer)?;
        }
        self.credentials.find(shown, recalled).await
    }

    /// What holds for a stream as long as it is open.
    async fn keep(&self, identity: &Identity, method: &str) -> Result<Admission> {
        let (_, verb) = method.split_once('/').unwrap_or_default();
        let kind = match verb {
            _ if verb.starts_with("Watch") => Some(Stream::Watch),
            "UploadPhoto" => Some(Stream::Upload),
            _ => None,
        };
        let place = kind.map(|kind| self.quotas.open(&identity.person, kind)).transpose()?;
        let hold = match &identity.found {
            Some(found) => Some(self.credentials.hold(found).await?),
            None => None,
        };
        Ok(Admission::new(place, hold, identity.expire_time))
    }
}

/// The role in which a caller acts.
fn role_for(identity: &Identity, method: &str, allowed: &[Role]) -> Result<Role> {
    let has = |role: &Role| {
        // Who runs the service runs it for all newspapers.
        identity.roles.contains(role) && (*role != Role::Operator || identity.scope == Scope::All)
    };
    let acting = ROLES_BY_WEIGHT.into_iter().filter(has).find(|role| allowed.contains(role));
    acting.ok_or_else(|| {
        let role = identity.roles.first().map_or("", |role| role.as_str());
        let roles: Vec<&str> = allowed.iter().map(|role| role.as_str()).collect();
        Error::RoleNotAllowed { method: method.to_owned(), role, roles: roles.join(",") }
    })
}

/// The secret in a header `authorization: Bearer SECRET`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    // The scheme's name has no case (RFC 9110 section 11.1).
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The methods of the API of which either side is a stream.
fn streaming_methods() -> HashSet<String> {
    // What was compiled in can be read; a test compares the two.
    let set = FileDescriptorSet::decode(crate::DESCRIPTOR_SET).unwrap_or_default();
    let services =
        set.file.iter().filter(|file| file.package() == "masthead.v1").flat_map(|file| &file.service);
    let streaming = services.flat_map(|service| {
        let streams =
            service.method.iter().filter(|method| method.client_streaming() || method.server_streaming());
        streams.map(|method| format!("{}/{}", service.name(), method.name()))
    });
    streaming.collect()
}

impl Gate {
    /// Does the work of a call if its caller may have it done, and has refused mutations
    /// written down.
    pub async fn guard<W>(
        &self,
        mut request: Request<Body>,
        call: Call,
        certificate: Option<Digest>,
        work: impl FnOnce(Request<Body>) -> W,
    ) -> Response<Body>
    where
        W: Future<Output = Response<Body>>,
    {
        let gate = &self.inner;
        let path = request.uri().path().to_owned();
        let mut trail = Trail::new(&gate.recorder, &path, call.clone());
        let answer = match gate.admit(&path, request.headers(), certificate, &call).await {
            Ok((None, None)) => return work(request).await,
            Ok((None, Some(admission))) => return Box::pin(admission.keep(work(request))).await,
            Ok((Some(caller), admission)) => {
                told::caller(&caller.name, caller.role);
                trail.by = Some((caller.name.clone(), Some(caller.role)));
                request.extensions_mut().insert(caller);
                match admission {
                    None => work(request).await,
                    Some(admission) => Box::pin(admission.keep(work(request))).await,
                }
            }
            Err(Refused { by, status }) => {
                trail.by = by;
                status.into_http()
            }
        };
        trail.answered(&answer);
        answer
    }
}
