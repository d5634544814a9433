//! `[discord]`, and the tables of its channels.

use toml::de::DeTable;

use super::super::Problem;
use super::super::discord::{ChannelSection, DiscordSection, id_of};
use super::{Entry, Named, Reader, TablePlace};

/// The section, as far as it can be understood.
#[derive(Debug)]
pub(in crate::config) struct DiscordTables {
    pub(in crate::config) section: DiscordSection,
    pub(in crate::config) place: TablePlace,
    /// The tables of channels, also those whose name is no id.
    pub(in crate::config) channels: Vec<Named<ChannelSection>>,
}

impl Reader<'_> {
    pub(super) fn discord(&mut self, entry: Entry<'_, '_>) -> Option<DiscordTables> {
        let table = self.table(entry, "discord")?;
        let place = self.place(entry, "discord");
        let mut plain = DeTable::new();
        let mut channels = vec![];
        for (key, value) in table {
            match value.get_ref().as_table() {
                Some(tables) if &**key.get_ref() == "channels" => channels = self.channels(tables),
                None if &**key.get_ref() == "channels" => {
                    let line = self.lines.line(key.span().start);
                    let what = "what is different in a channel is a table, [discord.channels.ID]";
                    self.problems.push(
                        Problem::at_line(self.file, line, "discord.channels", what)
                            .hint("the list of channels that the bot works in is called allowed_channels"),
                    );
                }
                _ => {
                    plain.insert(key.clone(), value.clone());
                }
            }
        }
        Some(DiscordTables {
            section: self
                .keys(&plain, "discord", DiscordSection::KEYS)
                .unwrap_or_default(),
            place,
            channels,
        })
    }

    /// Tables whose names are no ids are told, and read all the same: whatever else is wrong in them is told, too.
    fn channels(&mut self, tables: &DeTable<'_>) -> Vec<Named<ChannelSection>> {
        for key in tables.keys().filter(|key| id_of(key.get_ref()).is_none()) {
            let line = self.lines.line(key.span().start);
            let path = format!("discord.channels.{}", key.get_ref());
            self.problems.push(Problem::at_line(
                self.file,
                line,
                path,
                super::super::discord::NO_ID,
            ));
        }
        self.each(tables, "discord.channels", ChannelSection::KEYS)
    }
}
