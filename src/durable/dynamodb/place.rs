//! Where the table is: the URL of a setting, parsed.
//!
//! Owns the shape of the URL. Never connects. Called by the configuration and by the store.

use std::fmt;

const SHAPE: &str = "it must be dynamodb://TABLE?region=REGION&endpoint=URL, where both parameters may be left out";

/// A table of DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub table: String,
    /// Its region; the environment's when absent.
    pub region: Option<String>,
    /// Where the API is, if not where AWS has it: a stand-in, or an endpoint inside a private network.
    pub endpoint: Option<String>,
}

impl Place {
    /// Parses `dynamodb://TABLE?region=REGION&endpoint=URL`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn parse(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("dynamodb://").ok_or(SHAPE)?;
        let (table, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let good = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !(3..=255).contains(&table.len()) || !table.chars().all(good) {
            return Err(format!("{SHAPE}; the name of a table is 3 to 255 characters of A-Z a-z 0-9 _ . -"));
        }
        let mut place = Self { table: table.to_owned(), region: None, endpoint: None };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "region" if is_region(value) => place.region = Some(value.to_owned()),
                "region" => return Err("its region must be a name such as eu-central-1".to_owned()),
                "endpoint" if is_endpoint(value) => place.endpoint = Some(value.trim_end_matches('/').to_owned()),
                "endpoint" => return Err("its endpoint must be a URL such as http://127.0.0.1:8000".to_owned()),
                other => return Err(format!("{other:?} is no parameter of it; {SHAPE}")),
            }
        }
        Ok(place)
    }
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_endpoint(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['?', '#', '@', ' ']))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the table {}", self.table)?;
        match (&self.region, &self.endpoint) {
            (None, None) => Ok(()),
            (Some(region), None) => write!(f, " in {region}"),
            (_, Some(endpoint)) => write!(f, " at {endpoint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_alone_is_enough() {
        let place = Place::parse("dynamodb://canvas").expect("valid");
        assert_eq!(place, Place { table: "canvas".to_owned(), region: None, endpoint: None });
        assert_eq!(place.to_string(), "the table canvas");
    }

    #[test]
    fn region_and_endpoint_are_parameters() {
        let place = Place::parse("dynamodb://my.table-1?endpoint=http://127.0.0.1:8000/&region=eu-central-1");
        let place = place.expect("valid");
        assert_eq!(place.region.as_deref(), Some("eu-central-1"));
        assert_eq!(place.endpoint.as_deref(), Some("http://127.0.0.1:8000"));
        assert_eq!(place.to_string(), "the table my.table-1 at http://127.0.0.1:8000");
    }

    #[test]
    fn everything_else_says_what_to_write() {
        for (url, says) in [
            ("dynamo://canvas", "must be dynamodb://TABLE"),
            ("dynamodb://", "3 to 255 characters"),
            ("dynamodb://a/b/c", "3 to 255 characters"),
            ("dynamodb://canvas?region=EU", "such as eu-central-1"),
            ("dynamodb://canvas?endpoint=localhost:8000", "such as http://127.0.0.1:8000"),
            ("dynamodb://canvas?endpoint=http://", "such as http://127.0.0.1:8000"),
            ("dynamodb://canvas?table=x", "\"table\" is no parameter"),
        ] {
            let error = Place::parse(url).expect_err("refused");
            assert!(error.contains(says), "{url}: {error}");
        }
    }
}
