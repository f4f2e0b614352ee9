//! The judge's answer: four scores from 1 to 5 and a sentence; a pass is all four above 3.

use serde::{Deserialize, Serialize};

/// The least score of a pass.
const PASS: u8 = 4;

/// The four scores of one result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Does the result do what is asked?
    #[serde(rename = "fidelity_score")]
    pub fidelity: u8,
    /// Is everything else kept, are words and marks gone?
    #[serde(rename = "consistency_score")]
    pub consistency: u8,
    /// Does it look natural, without artifacts?
    #[serde(rename = "realism_score")]
    pub realism: u8,
    /// Is it where it should be?
    #[serde(rename = "spatial_score")]
    pub spatial: u8,
    /// The judge's reasons.
    #[serde(default)]
    pub analysis: String,
}

impl Verdict {
    /// The names of the four scores, in the order of [`scores`](Self::scores).
    pub const NAMES: [&str; 4] = ["fidelity", "consistency", "realism", "spatial"];

    /// Instruction fidelity, content consistency, visual realism, spatial precision.
    pub fn scores(&self) -> [u8; 4] {
        [self.fidelity, self.consistency, self.realism, self.spatial]
    }

    /// Whether all four scores are above 3.
    pub fn passes(&self) -> bool {
        self.scores().iter().all(|score| *score >= PASS)
    }

    /// Reads an answer: one JSON object with the four whole numbers from 1 to 5, alone or in a
    /// fence of Markdown; nothing around it.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the answer.
    pub(crate) fn parse(answer: &str) -> Result<Self, String> {
        let text = answer.trim();
        let fenced = text.strip_prefix("```").and_then(|t| t.strip_suffix("```"));
        let text = match fenced {
            Some(inside) => inside.strip_prefix("json").unwrap_or(inside).trim(),
            None => text,
        };
        let verdict: Self =
            serde_json::from_str(text).map_err(|e| format!("the answer is not as asked: {e}"))?;
        let scores = verdict.scores();
        match scores.iter().position(|score| !(1..=5).contains(score)) {
            Some(wrong) => Err(format!(
                "the {} score is {}, expected 1 to 5",
                Self::NAMES[wrong],
                scores[wrong]
            )),
            None => Ok(verdict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(scores: [&str; 4]) -> String {
        let [fidelity, consistency, realism, spatial] = scores;
        format!(
            r#"{{"analysis": "fine", "fidelity_score": {fidelity}, "consistency_score": {consistency},
                "realism_score": {realism}, "spatial_score": {spatial}}}"#
        )
    }

    #[test]
    fn a_pass_is_all_four_above_three() {
        let passes = |scores| Verdict::parse(&answer(scores)).unwrap().passes();
        assert!(passes(["4", "5", "4", "4"]));
        for scores in [
            ["3", "5", "5", "5"],
            ["5", "3", "5", "5"],
            ["5", "5", "3", "5"],
            ["5", "5", "5", "3"],
        ] {
            assert!(!passes(scores), "{scores:?}");
        }
    }

    #[test]
    fn only_four_whole_numbers_from_one_to_five_are_an_answer() {
        let good = answer(["5", "4", "3", "2"]);
        let fenced = format!("```json\n{good}\n```\n");
        assert_eq!(Verdict::parse(&fenced), Verdict::parse(&good));
        assert_eq!(Verdict::parse(&good).unwrap().analysis, "fine");
        for bad in [
            answer(["0", "4", "4", "4"]),
            answer(["4", "6", "4", "4"]),
            answer(["4", "4", "4.5", "4"]),
            answer(["4", "4", "4", "\"4\""]),
            format!("Here you are: {good}"),
            format!("{good}{good}"),
            r#"{"fidelity_score": 4}"#.into(),
            "I cannot see any picture.".into(),
            String::new(),
        ] {
            assert!(Verdict::parse(&bad).is_err(), "{bad}");
        }
        let text = Verdict::parse(&answer(["4", "6", "4", "4"])).unwrap_err();
        assert!(text.contains("consistency") && text.contains('6'), "{text}");
    }
}
