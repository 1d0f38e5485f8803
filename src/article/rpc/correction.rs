//! What the paper owes for an error that it has printed.

use uuid::Uuid;

use super::work;
use crate::{
    article::{
        Article,
        correction::{self, OwedCorrection},
    },
    db::Transaction,
    error::{Error, Result},
    pb,
    publication::publish,
    wire,
};

/// What stands in history as the reason of an entry that a newer one replaced.
const REPLACED: &str = "recorded anew";

impl From<OwedCorrection> for pb::OwedCorrection {
    fn from(owed: OwedCorrection) -> pb::OwedCorrection {
        pb::OwedCorrection {
            issue: owed.issue_name(),
            page: owed.page_name(),
            reason: owed.reason,
            person: owed.person,
            create_time: Some(wire::timestamp(owed.create_time)),
        }
    }
}

/// Records that a locked article owes a correction, for where it was last
/// printed; instead of what is recorded already.
pub async fn owe(transaction: &mut Transaction, mut article: Article, reason: String) -> Result<pb::Article> {
    let printed = publish::printed(transaction.connection(), article.id).await?;
    let Some(printed) = printed else {
        let why = "was not printed in any issue, so that no correction of it can be owed";
        return Err(Error::CorrectionNotOwed { name: article.name(), why });
    };
    if let Some(before) = article.owed.take() {
        close(transaction, &before, REPLACED).await?;
    }
    let owed = OwedCorrection {
        id: Uuid::now_v7(),
        article: article.id,
        newspaper: printed.page.issue.newspaper,
        issue: printed.page.issue.issue,
        publish_date: printed.publish_date,
        page: printed.page.page,
        reason,
        person: transaction.caller().name.clone(),
        create_time: transaction.now(),
    };
    correction::store::insert(transaction.connection(), &owed).await?;
    article.owed = Some(owed);
    let digest = article.content_digest;
    work::save(transaction, article, "correction_owed", Some(digest)).await
}

/// Records that the correction that a locked article owes will not come.
pub async fn cancel(
    transaction: &mut Transaction,
    mut article: Article,
    reason: String,
) -> Result<pb::Article> {
    let Some(owed) = article.owed.take() else {
        let why = "owes no correction that could be cancelled";
        return Err(Error::CorrectionNotOwed { name: article.name(), why });
    };
    close(transaction, &owed, &reason).await?;
    let digest = article.content_digest;
    work::save(transaction, article, "correction_cancelled", Some(digest)).await
}

async fn close(transaction: &mut Transaction, owed: &OwedCorrection, reason: &str) -> Result<()> {
    let (person, now) = (transaction.caller().name.clone(), transaction.now());
    correction::store::cancel(transaction.connection(), owed.id, reason, &person, now).await
}
