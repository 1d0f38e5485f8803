//! 记者: finding those who sign.

mod searching;

use masthead::{admin::Role, import::desk::Desk, pb};

use crate::newsroom::Newsroom;

/// A newsroom with a newspaper of one review stage, and people at their desks.
struct Stage {
    room: Newsroom,
    reporter: Desk,
    editor: Desk,
}

impl Stage {
    async fn open() -> Stage {
        let room = Newsroom::open().await;
        room.newspaper(1).await;
        Stage::of(room).await
    }

    async fn of(room: Newsroom) -> Stage {
        let reporter = room.desk(Role::Reporter).await;
        let editor = room.desk(Role::Editor).await;
        Stage { room, reporter, editor }
    }

    async fn close(self) {
        self.room.close().await;
    }

    async fn create(&mut self, reporter: pb::Reporter) -> pb::Reporter {
        let create = pb::CreateReporterRequest { reporter: Some(reporter), ..Default::default() };
        self.reporter.reporters.create_reporter(create).await.expect("a reporter").into_inner()
    }

    async fn person(&mut self, display_name: &str) -> pb::Reporter {
        self.create(pb::Reporter { display_name: display_name.into(), ..Default::default() }).await
    }

    async fn delete(&mut self, reporter: &pb::Reporter) -> pb::Reporter {
        let delete = pb::DeleteReporterRequest { name: reporter.name.clone(), ..Default::default() };
        self.editor.reporters.delete_reporter(delete).await.expect("a deletion").into_inner()
    }
}
