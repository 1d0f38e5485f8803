//! Access tokens and client certificates over the API.

use uuid::Uuid;

use crate::{
    admin::{
        self, Role,
        credential::{self, Credential, Grant, missing},
        grant::{self, Shown},
        store::credentials,
    },
    auth::Principal,
    config,
    db::{Db, Operation, list::Key},
    error::Result,
    newspaper, pb,
    wire::{
        self, Check, operation,
        page::{self, Page},
    },
};

impl From<Role> for pb::Role {
    fn from(role: Role) -> pb::Role {
        match role {
            Role::Reader => pb::Role::Reader,
            Role::Reporter => pb::Role::Reporter,
            Role::Editor => pb::Role::Editor,
            Role::Publisher => pb::Role::Publisher,
            Role::Operator => pb::Role::Operator,
        }
    }
}

impl From<Credential> for pb::AccessToken {
    fn from(credential: Credential) -> pb::AccessToken {
        let name = credential.name();
        let Grant { person, role, newspapers, note, expire_time } = credential.grant;
        let (revoke_time, revoker) = credential.revoked.unzip();
        pb::AccessToken {
            name,
            person,
            role: pb::Role::from(role).into(),
            newspapers: newspapers.iter().map(|id| newspaper::name(id)).collect(),
            note,
            expire_time: expire_time.map(wire::timestamp),
            certificate_sha256: credential.certificate.map(|digest| digest.to_string()).unwrap_or_default(),
            secret: String::new(),
            creator: credential.creator,
            create_time: Some(wire::timestamp(credential.create_time)),
            last_use_time: credential.last_use_time.map(wire::timestamp),
            revoke_time: revoke_time.map(wire::timestamp),
            revoker: revoker.unwrap_or_default(),
        }
    }
}

/// What a new credential is to say; a certificate, if it is to be one.
fn read(check: &mut Check, given: pb::AccessToken) -> (Grant, Option<Shown>) {
    let role = match check.enumeration("access_token.role", given.role) {
        pb::Role::Reader => Role::Reader,
        pb::Role::Reporter => Role::Reporter,
        pb::Role::Editor => Role::Editor,
        pb::Role::Publisher => Role::Publisher,
        pb::Role::Operator => Role::Operator,
        pb::Role::Unspecified => {
            // A number that is none of the enum has been named already.
            if given.role == 0 {
                check.add("access_token.role", "is required");
            }
            Role::Reader
        }
    };
    if let Some(rule) = admin::person_mistake(&given.person) {
        check.add("access_token.person", rule);
    }
    let newspapers =
        check.newspapers("access_token.newspapers", &given.newspapers, config::CREDENTIAL_NEWSPAPERS_MAX);
    if role == Role::Operator && !newspapers.is_empty() {
        check.add("access_token.newspapers", "must be empty for an operator, who serves all newspapers");
    }
    let note = check.line("access_token.note", given.note, config::CREDENTIAL_NOTE_CHARS_MAX);
    let expire_time = check.time("access_token.expire_time", given.expire_time);
    let certificate = check.digest("access_token.certificate_sha256", &given.certificate_sha256);
    (Grant { person: given.person, role, newspapers, note, expire_time }, certificate.map(Shown::Certificate))
}

/// Answers `CreateAccessToken`.
pub async fn create(
    db: &Db,
    caller: &Principal,
    message: pb::CreateAccessTokenRequest,
) -> Result<pb::AccessToken> {
    let mut check = Check::by(caller);
    // A kept answer would keep the secret.
    let (caller, method, validate_only) = (caller.clone(), "CreateAccessToken", message.validate_only);
    let operation = Operation { caller, method, request: None, validate_only };
    let given = check.required("access_token", message.access_token);
    let (grant, certificate) = read(&mut check, given);
    check.finish()?;
    let token = grant::random_token()?;
    let shown = certificate.unwrap_or_else(|| Shown::Token(token.digest()));
    let created = db.write(operation, move |transaction| {
        let grant = grant.clone();
        Box::pin(async move { Ok(pb::AccessToken::from(grant::create(transaction, grant, shown).await?)) })
    });
    let mut created = created.await?;
    if matches!(shown, Shown::Token(_)) && !message.validate_only {
        created.secret = token.reveal().to_owned();
    }
    Ok(created)
}

/// Answers `GetAccessToken`.
pub async fn get(db: &Db, caller: &Principal, message: pb::GetAccessTokenRequest) -> Result<pb::AccessToken> {
    let mut check = Check::by(caller);
    let id = check.access_token("name", &message.name);
    check.finish()?;
    let found = credentials::find(&mut *db.read().await?, id).await?;
    Ok(found.ok_or_else(|| missing(id))?.into())
}

/// Answers `ListAccessTokens`.
pub async fn list(
    db: &Db,
    caller: &Principal,
    message: pb::ListAccessTokensRequest,
) -> Result<pb::ListAccessTokensResponse> {
    let mut check = Check::by(caller);
    let show_revoked = message.show_revoked;
    let shows = show_revoked.to_string();
    let arguments = [shows.as_str(), &message.filter, &message.order_by];
    let page: Page<Key> =
        Page::open(&mut check, "ListAccessTokens", &arguments, message.page_size, &message.page_token)?;
    let filter = check.filter(&message.filter, &credential::FIELDS);
    let order = check.order_by(&message.order_by, &credential::ORDERS, credential::ORDER);
    check.finish()?;
    let answer = db.view(move |connection| {
        Box::pin(async move {
            let after = page.after.as_ref();
            let mut ids: Vec<Uuid> =
                credentials::ids(connection, &filter, order, show_revoked, after, page.size + 1).await?;
            let rows = ids.len();
            ids.truncate(page.size as usize);
            let found = credentials::find_all(connection, &ids).await?;
            let found = page::in_order(&ids, found, |credential| credential.id);
            let (access_tokens, last) = page::fit(found, |found| pb::AccessToken::from(found.clone()));
            let next_page_token = match last {
                Some(last) if access_tokens.len() < rows => page.token(&credentials::key(&last))?,
                _ => String::new(),
            };
            Ok(pb::ListAccessTokensResponse { access_tokens, next_page_token })
        })
    });
    answer.await
}

/// Answers `RevokeAccessToken`.
pub async fn revoke(
    db: &Db,
    caller: &Principal,
    message: pb::RevokeAccessTokenRequest,
) -> Result<pb::AccessToken> {
    let mut check = Check::by(caller);
    let operation = operation!(check, caller, "RevokeAccessToken", message);
    let id = check.access_token("name", &message.name);
    check.finish()?;
    let revoked = db.write(operation, move |transaction| {
        Box::pin(async move { Ok(grant::revoke(transaction, id).await?.into()) })
    });
    revoked.await
}
