//! What an agent says, piece by piece: words, and files and pictures in their place.

use agent_client_protocol::v1::schema::{ContentBlock, ContentChunk, EmbeddedResourceResource};
use credentials::Timestamp;

use super::{After, Ids, Timeline, Voice};

impl Timeline {
    pub(super) fn chunk(&mut self, voice: Voice, chunk: ContentChunk, now: Timestamp, ids: Ids<'_>) -> After {
        let name = chunk.message_id.map(|id| id.to_string());
        match chunk.content {
            ContentBlock::Text(text) => self.say(voice, name.as_ref(), &text.text, now, ids),
            ContentBlock::ResourceLink(link) => After {
                offered: Some(link),
                ..After::default()
            },
            ContentBlock::Resource(embedded) => match embedded.resource {
                EmbeddedResourceResource::TextResourceContents(text) => {
                    self.say(voice, name.as_ref(), &text.text, now, ids)
                }
                _ => After::default(),
            },
            ContentBlock::Image(_) => self.say(
                voice,
                name.as_ref(),
                "*(an image that can't be shown here)*",
                now,
                ids,
            ),
            ContentBlock::Audio(_) => self.say(
                voice,
                name.as_ref(),
                "*(a sound that can't be played here)*",
                now,
                ids,
            ),
            _ => After::default(),
        }
    }
}
