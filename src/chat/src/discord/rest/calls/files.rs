//! Files that people attached.

use crate::discord::rest::{ATTEMPT, Rest, Trouble, cause};

impl Rest {
    /// The content of a file that somebody attached, at most `most` bytes.
    pub(in crate::discord) async fn download(&self, url: &str, most: u64) -> Result<Vec<u8>, Trouble> {
        let failed = |error: &reqwest_of_serenity::Error| Trouble::Failed(cause(error));
        if let Some(base) = &self.elsewhere
            && !url.starts_with(&format!("{base}/"))
        {
            let words = "the file is at another place than the server that is used here";
            return Err(Trouble::Failed(words.to_owned()));
        }
        let request = self.client.get(url).timeout(ATTEMPT * 3);
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        if status != 200 {
            let message = "the file is not there".to_owned();
            let code = 0;
            return Err(Trouble::Refused {
                status,
                code,
                message,
                names: vec![],
            });
        }
        let mut content = vec![];
        while let Some(part) = response.chunk().await.map_err(|error| failed(&error))? {
            content.extend_from_slice(&part);
            if content.len() as u64 > most {
                return Err(Trouble::Failed(
                    "the file is larger than it was said to be".to_owned(),
                ));
            }
        }
        Ok(content)
    }
}
