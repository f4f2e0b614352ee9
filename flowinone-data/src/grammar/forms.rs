//! The forms of sentences for each intent.
//!
//! Usual forms come first, those that only a test of forms shows after `held`, and those that only
//! a test of word order shows after `order`. Weights make short, common ways come often.

use super::{Form, Intent, Wording};

macro_rules! forms {
    ($($weight:literal $wording:ident $pattern:literal;)*) => {{
        use Wording::{HeldOut as held, OtherOrder as order, Usual as usual};
        &[$(Form { weight: $weight, wording: $wording, pattern: $pattern }),*]
    }};
}

impl Intent {
    /// The ways to say it.
    #[rustfmt::skip] // a table reads as one
    pub(super) fn forms(self) -> &'static [Form] {
        match self {
            Self::Class => forms! {
                8 usual "{x}"; 4 usual "{a x}"; 1 usual "the {x}"; 1 usual "just {a x}";
                1 usual "only the {x}"; 1 usual "one single {x}";
                1 usual "(simply|plain|nothing but) {a x}"; 1 usual "{a x} and nothing else"; 1 usual "a single {x}"; 1 usual "only one {x}";
                1 usual "my {x}";
                1 held "one {x}"; 1 held "only {a x}";
                1 order "{x} (picture|image)";
            },
            Self::One => forms! {
                8 usual "{a x}"; 6 usual "{x}"; 2 usual "the {x}";
                3 usual "(a|the) (picture|photo|drawing|image) of {a x}";
                2 usual "(draw|paint|show|make|create) {a x}"; 2 usual "(draw|show|give) me {a x}";
                2 usual "I (want|would like|need) {a x}"; 1 usual "(photo|picture|drawing) of {a x}";
                1 usual "{a x} (alone|only)"; 1 usual "this is {a x}";
                1 usual "(may I|let us|I want to) see {a x}"; 1 usual "can (you|I) (draw|show|get|have) {a x}"; 1 usual "what about {a x}";
                1 usual "how does {a x} look"; 1 usual "(the|my) (illustration|icon) of {a x}"; 1 usual "there should be {a x}";
                1 usual "(could|would) you (draw|paint|show me|make) {a x}"; 1 usual "(may|could) (I|we) have {a x}"; 1 usual "let us have {a x}";
                1 usual "let me have {a x}";
                1 usual "here is {a x}"; 1 usual "why not {a x}"; 1 usual "(a|the) (symbol|sign|sticker|cartoon|sketch) of {a x}";
                1 usual "(imagine|think of|show us) {a x}";
                1 usual "do you know {a x}"; 1 usual "there (was|will be) {a x}"; 1 usual "there may be {a x}";
                1 usual "(a picture|an image|a photo) with {a x}"; 1 usual "{a x} (as you know it|of any kind)";
                1 usual "I (wish for|ask for|dream of) {a x}"; 1 usual "can we see {a x}"; 1 usual "(render|design|generate|produce) {a x}";
                1 usual "(image|icon|emoji|illustration) of {a x}";
                1 held "(can I see|how about) {a x}"; 1 held "(an illustration|an icon) of {a x}";
                1 held "there is {a x}"; 1 held "let me see {a x}";
                1 order "{a x}, (a|as a) (picture|photo|drawing)"; 1 order "{x}: (draw|paint) it";
            },
            Self::OnGround => forms! {
                5 usual "{x} on {c}"; 6 usual "{a x} on {a c} (background|backdrop|ground)";
                3 usual "{a x} on {c}"; 2 usual "{a x} (against|before) {a c} (background|backdrop|wall)";
                2 usual "{a x} in front of {a c} (background|backdrop|wall)";
                2 usual "{a x} with {a c} (background|backdrop)"; 2 usual "{x}, {c} (background|backdrop)";
                2 usual "{x} with {c} (background|backdrop)";
                1 usual "(a|the) (picture|photo|drawing) of {a x} on {c}";
                1 usual "(draw|paint|show) {a x} on {a c} background";
                1 usual "{a x} and {a c} (background|backdrop)";
                1 usual "{a x} whose (background|backdrop) is {c}"; 1 usual "{a x} that has {a c} (background|backdrop)";
                1 usual "{a x} stands on {c}"; 1 usual "{x} over {c}"; 1 usual "{a x}, {c} behind it";
                1 usual "{a x}, the (background|backdrop) in {c}"; 1 usual "{a x}, with {a c} (background|backdrop)";
                1 usual "{x}; {c} (background|backdrop)"; 1 usual "{a x}, (background|backdrop): {c}";
                1 usual "{a x} (standing|seen|placed|shown) (before|on|against) {c}"; 1 usual "{a x} that stands on {c}";
                1 usual "{a x} (across|above) {a c} (background|backdrop|ground)"; 1 usual "{a x} on a background (of|in) {c}";
                1 usual "{a x}, and the (background|backdrop) should be {c}"; 1 usual "{a x}, all {c} around it"; 1 usual "show me {a x} on {c}";
                1 usual "I want {a x} on {a c} background"; 1 usual "there is {a x} on {c}"; 1 usual "{a x} with {c} around it";
                1 held "{a x}, the (background|backdrop) is {c}"; 1 held "{a x}; (background|backdrop) {c}";
                1 held "{a x} that stands before {c}"; 1 held "{a x} over {a c} (background|backdrop)";
                2 usual "{a c} (background|backdrop) with {a x}"; 1 usual "on {c}, {a x}";
                1 order "on {a c} (background|backdrop): {a x}"; 1 order "{c} (background|backdrop), {x}";
                1 order "{c} behind {a x}";
            },
            Self::Beside => forms! {
                6 usual "{x} and {y}"; 6 usual "{a x} and {a y}"; 3 usual "{a x} (next to|beside|with|near) {a y}";
                1 usual "{x} & {y}"; 1 usual "{x} + {y}"; 1 usual "{x}, {y}";
                1 usual "(a|the) (picture|photo|drawing) of {a x} and {a y}";
                1 usual "(draw|paint|show) {a x} and {a y}"; 1 usual "{a x} on the left and {a y} on the right";
                1 usual "(draw|show) me {a x} and {a y}"; 1 usual "both {a x} and {a y}";
                1 usual "{a x} and {a y} together"; 1 usual "{a x} and {a y} side by side"; 1 usual "{a x} and {a y} as well";
                1 usual "{a x} along with {a y}"; 1 usual "{a x}, and then {a y}";
                1 usual "{a x} plus {a y}"; 1 usual "{a x} with {a y} (beside it|next to it|on its right)";
                1 usual "{a x} (close to|by|alongside) {a y}"; 1 usual "together, {a x} and {a y}"; 1 usual "{a x} and also {a y}";
                1 usual "{a x} in company with {a y}"; 1 usual "{a x} and its {y}"; 1 usual "here are {a x} and {a y}";
                1 usual "I want {a x} and {a y}"; 1 usual "{a x} left of {a y}"; 1 usual "{a x} (just|right) beside {a y}";
                1 usual "can you draw {a x} and {a y}";
                1 held "{a x} together with {a y}"; 1 held "{a x} side by side with {a y}";
                1 held "{a x} as well as {a y}";
                1 order "{a y} (right of|to the right of) {a x}"; 1 order "left {a x}, right {a y}";
            },
            Self::BesideOnGround => forms! {
                4 usual "{x} and {y} on {c}"; 4 usual "{a x} and {a y} on {a c} (background|backdrop|ground)";
                2 usual "{a x} (next to|beside|with) {a y} on {c}"; 2 usual "{a x} and {a y}, {c} (background|backdrop)";
                1 usual "{a x} and {a y} with {a c} (background|backdrop)";
                1 usual "{a c} (background|backdrop) with {a x} and {a y}";
                1 usual "{a x} and {a y} together on {c}"; 1 usual "{a x} and {a y} before {a c} (background|wall)";
                1 usual "{a x} with {a y} on {a c} (background|backdrop)"; 1 usual "{a x} and {a y}, all on {c}";
                1 usual "{a x} and {a y} before {c}"; 1 usual "{a x} and {a y} in front of {c}"; 1 usual "{a x} along with {a y} on {c}";
                1 usual "{a x} as well as {a y} on {a c} background"; 1 usual "{a x} against {c}, and {a y}";
                1 held "{a x} together with {a y} on {c}"; 1 held "{a x} and {a y} against {c}";
                1 order "on {c}, {a x} and {a y}"; 1 order "{c} (background|backdrop), {x} and {y}";
            },
            Self::Above => forms! {
                4 usual "{a x} (above|over) {a y}"; 2 usual "{x} (above|over) {y}"; 2 usual "{a x} on top of {a y}";
                1 usual "{a x} (higher up|at the top), {a y} (below|at the bottom)"; 1 usual "{a x} high above {a y}";
                1 usual "{a x}, and (under|underneath) it {a y}";
                1 usual "{a x} up above {a y}"; 2 usual "{a x} higher up than {a y}"; 2 usual "{a x} (hangs|floats|stands) higher than {a y}"; 1 usual "{a x} with {a y} (below|under) it";
                1 usual "{a x} (up|up there), {a y} down (below|there)"; 1 usual "{a x} on {a y}"; 1 usual "{a x} (floats|hangs) (over|above) {a y}";
                1 usual "on top {a x}, below {a y}";
                3 usual "{a y} (below|under|underneath) {a x}"; 2 usual "{y} (below|under) {x}"; 1 usual "{a y}, and above it {a x}";
                1 held "{a x} higher than {a y}"; 1 order "(below|under|underneath) {a x}, {a y}";
            },
            Self::Remove => forms! {
                8 usual "(remove|delete|erase) {the x}"; 3 usual "(remove|delete|erase) {x}";
                3 usual "get rid of {the x}"; 2 usual "take away {the x}"; 2 usual "take {the x} away";
                2 usual "(take|cut) {the x} out"; 1 usual "make {the x} (disappear|vanish|go away)";
                2 usual "{the x} (should|must|has to) (go|disappear|vanish)";
                1 usual "I (do not|don't) want {the x}"; 1 usual "clear {the x} away"; 1 usual "no {x}";
                1 usual "the picture without {the x}"; 1 usual "(drop|hide) {the x}"; 1 usual "wipe out {the x}";
                1 usual "(can|could) you (remove|delete|erase) {the x}";
                2 usual "throw (out {the x}|{the x} out)"; 1 usual "(toss|scrap|ditch|discard|cancel) {the x}";
                1 usual "I (want|would like) to lose {the x}"; 1 usual "do without {the x}"; 1 usual "there is {a x} too much";
                1 usual "let {the x} go"; 1 usual "{the x} is not (needed|wanted)"; 1 usual "lose that {x}";
                2 usual "(clear|wipe|toss|put|send|chase|move|blow) {the x} away"; 1 usual "(take|cut|leave|wipe|rub|pull) {the x} (out|off)";
                1 usual "let {the x} (leave|be gone|be removed|be deleted|go away|get lost)";
                1 usual "have {the x} (removed|deleted|erased|taken away|disappear|vanish)";
                1 usual "I want {the x} (gone|removed|deleted|out|to go|to disappear|to vanish)"; 1 usual "I (wish|want) {the x} to be gone";
                1 usual "{the x} is (unwanted|in the way|one too many|not right here|unnecessary|too big|wrong)";
                1 usual "{the x} (does not|doesn't) belong (here|there)"; 1 usual "{the x} can (go|leave|disappear)";
                1 usual "that {x} is too much for me";
                1 usual "the same (picture|scene|) without {the x}"; 1 usual "(this|all|everything) without {the x}"; 1 usual "all but {the x}";
                1 usual "everything (but|except) {the x}"; 1 usual "with no {x}"; 1 usual "not {the x}"; 1 usual "no more {x}";
                1 usual "(banish|eliminate|dump|strip|destroy|rub out|do away with|dispose of) {the x}";
                1 usual "{the x} (gone|out of here|out of the picture)"; 1 usual "(say goodbye to|we can lose|we do not need|nobody needs) {the x}";
                1 usual "could {the x} (go|disappear|vanish)"; 1 usual "leave out {the x}"; 1 usual "throw {the x} in the bin";
                1 usual "make {the x} leave";
                1 held "let {the x} (disappear|vanish)"; 1 held "throw {the x} away"; 1 held "lose {the x}";
                1 held "without {the x}"; 1 held "{the x} is too much";
                1 order "{the x} (away|out)"; 1 order "{the x}: (remove|delete|erase) it"; 1 order "away with {the x}";
            },
            Self::Replace => forms! {
                8 usual "replace {the x} (with|by) {a y}"; 4 usual "(swap|change|exchange|switch) {the x} for {a y}";
                5 usual "(turn|change|make) {the x} into {a y}"; 3 usual "{x} to {y}"; 2 usual "make {the x} {a y}";
                2 usual "{the x} (becomes|should be|should become) {a y}"; 2 usual "{a y} instead of {the x}";
                1 usual "put {a y} in place of {the x}"; 1 usual "I want {a y} instead of {the x}";
                1 usual "swap {the x} with {a y}"; 1 usual "replace {x} with {y}"; 2 usual "change {the x} to {a y}";
                1 usual "{y} instead of {x}"; 1 usual "{a y} in place of {the x}";
                1 usual "(transform|convert) {the x} to {a y}"; 1 usual "where {the x} is, I want {a y}";
                1 usual "I would rather have {a y} than {the x}"; 1 usual "{the x} has to become {a y}";
                1 usual "let {a y} take the place of {the x}"; 1 usual "exchange {the x} with {a y}";
                1 usual "let {the x} (turn into|change into|change to|be replaced by|be swapped for|grow into) {a y}";
                1 usual "(morph|rework|remake|redraw|develop) {the x} into {a y}"; 1 usual "(transform|convert|remake) {the x} so that it is {a y}";
                1 usual "(place|set|draw|add|show) {a y} where {the x} is"; 1 usual "put {a y} where {a x} was";
                1 usual "where {the x} was, put {a y}"; 1 usual "{a y} where {the x} is"; 1 usual "{a y} (replaces|takes the place of|for) {the x}";
                1 usual "not {a x} but {a y}"; 1 usual "no {x}, but {a y}"; 1 usual "{a y}, and not {a x}";
                1 usual "{the x} (turns|should turn|must turn|should change) into {a y}"; 1 usual "I (want|would like) {the x} to (be|become) {a y}";
                1 usual "(could|can|may) {the x} (be|become) {a y}"; 1 usual "better {a y} than {a x}"; 1 usual "{a y} would be better than {the x}";
                1 usual "have {a y} in place of {the x}"; 1 usual "from {x} to {y}"; 1 usual "{the x} out, {a y} in";
                1 usual "trade {the x} for {a y}"; 1 usual "substitute {a y} for {the x}"; 1 usual "rather {a y} than {the x}";
                1 usual "show {a y} rather than {a x}";
                1 held "(transform|convert) {the x} into {a y}"; 1 held "put {a y} where {the x} is";
                1 held "let {the x} (become|be) {a y}"; 1 held "{a y} rather than {the x}";
                1 order "instead of {the x}, {a y}"; 1 order "{the x}: {a y} instead"; 1 order "for {the x}, put {a y}";
            },
            Self::ReplaceIt => forms! {
                4 usual "make it {a y}"; 3 usual "(turn|change) it into {a y}"; 2 usual "replace it (with|by) {a y}";
                2 usual "change it to {a y}"; 1 usual "{a y} instead"; 1 usual "it should be {a y}";
                1 usual "(swap|exchange) it with {a y}"; 1 usual "(transform|convert) it to {a y}"; 1 usual "I would rather have {a y}";
                1 usual "(change|switch|trade) it for {a y}"; 1 usual "let it (turn into|grow into) {a y}"; 1 usual "I want {a y} instead";
                1 usual "(could|can) it be {a y}"; 1 usual "rather {a y}"; 1 usual "(morph|remake|redraw) it into {a y}";
                1 held "(swap|exchange) it for {a y}"; 1 order "{a y}, (not this|not that)";
            },
            Self::Recolour => forms! {
                8 usual "make {the x} {c}"; 5 usual "(paint|colour|color) {the x} {c}"; 2 usual "turn {the x} {c}";
                2 usual "change {the x} to {c}"; 2 usual "change the (colour|color) of {the x} to {c}";
                2 usual "(recolour|recolor) {the x} (in|to|) {c}"; 2 usual "{the x} (should be|must be|is) {c}";
                1 usual "give {the x} {a c} (colour|color)"; 1 usual "{x} {c}"; 1 usual "paint {the x} in {c}";
                1 usual "I want {the x} {c}"; 1 usual "{the x} in {c}"; 1 usual "{a c} {x}";
                1 usual "(dye|tint|stain) {the x} in {c}"; 1 usual "let {the x} turn {c}"; 1 usual "could you make {the x} {c}";
                1 usual "set {the x} to {c}"; 1 usual "the (colour|color) of {the x} should be {c}";
                2 usual "(stain|spray|brush|shade|render|draw|show) {the x} {c}"; 1 usual "(dye|tint|stain|spray) {the x} so that it is {c}";
                1 usual "(dye|tint) {the x} with {c}"; 1 usual "let {the x} (become|look|get|go|shine|appear) {c}";
                1 usual "(can|may|should|would) {the x} be {c}"; 1 usual "could {the x} (become|turn|look|get) {c}";
                1 usual "(turn|switch|shift|adjust|bring) the (colour|color) of {the x} to {c}"; 1 usual "the (colour|color) of {the x}: {c}";
                1 usual "(colour|color) of {the x} to {c}"; 1 usual "set {the x} in {c}"; 1 usual "have {the x} (painted|dyed|coloured) {c}";
                1 usual "I (want|would like|need) {the x} to be {c}"; 1 usual "{the x} (in|with) {a c} (colour|color|tint)";
                1 usual "(use|apply) {c} (on|for) {the x}"; 1 usual "{the x} would look better in {c}"; 1 usual "I (like|prefer) {the x} (in|) {c}";
                1 usual "{the x}, but {c}"; 1 usual "{the x} all {c}"; 1 usual "put {c} on {the x}"; 1 usual "make {the x} look {c}";
                1 usual "a {x} in {c}"; 1 usual "let us have {the x} in {c}";
                1 held "(dye|tint) {the x} {c}"; 1 held "let {the x} be {c}"; 1 held "could {the x} be {c}";
                1 held "set the (colour|color) of {the x} to {c}";
                1 order "{c} for {the x}"; 1 order "{c}: {the x}"; 1 order "in {c}, {the x}";
            },
            Self::RecolourIt => forms! {
                4 usual "make it {c}"; 3 usual "(paint|colour|color) it {c}"; 2 usual "turn it {c}";
                1 usual "change the (colour|color) to {c}"; 1 usual "it should be {c}"; 1 usual "change it to {c}";
                1 usual "(dye|tint|stain) it in {c}"; 1 usual "(recolour|recolor) it {c}"; 1 usual "give it the (colour|color) {c}"; 1 usual "all {c}";
                1 usual "(stain|spray|shade|render) it {c}"; 1 usual "let it (be|become|look) {c}"; 1 usual "(could|can) it be {c}";
                1 usual "(dye|tint|paint|colour) it in {c}"; 1 usual "(recolour|recolor) it with {c}"; 1 usual "in {c}"; 1 usual "I want it {c}";
                1 usual "set it to {c}";
                1 held "(dye|tint) it {c}"; 1 held "recolour it (in|to) {c}"; 1 order "{c}, all of it";
            },
            Self::Ground => forms! {
                6 usual "{c} (background|backdrop)"; 6 usual "make the (background|backdrop) {c}";
                4 usual "(paint|colour|color|turn) the (background|backdrop) {c}";
                4 usual "change the (background|backdrop) to {c}"; 2 usual "{a c} (background|backdrop)";
                2 usual "change the (colour|color) of the background to {c}";
                1 usual "(set|put) it on {a c} background"; 1 usual "put {the x} on {c}";
                2 usual "give it {a c} (background|backdrop)"; 1 usual "background (in|to|) {c}";
                1 usual "I want {a c} (background|backdrop)"; 1 usual "the (background|backdrop) should be {c}";
                1 usual "use {a c} (background|backdrop)"; 1 usual "(background|backdrop): {c}";
                1 usual "let it have {a c} (background|backdrop)"; 1 usual "could you make the background {c}";
                1 usual "(recolour|recolor|dye) the (background|backdrop) in {c}"; 1 usual "set {a c} (background|backdrop)";
                1 usual "let the (background|backdrop) (become|turn|look|go) {c}"; 1 usual "(can|may|should) the (background|backdrop) be {c}";
                1 usual "could the (background|backdrop) (become|turn) {c}";
                1 usual "(dye|stain|spray|fill|cover) the (background|backdrop) (in|with) {c}";
                1 usual "(stain|spray|fill) the (background|backdrop) {c}"; 1 usual "turn the (background|backdrop) to {c}";
                1 usual "set the background in {c}"; 1 usual "I want the (background|backdrop) (in|to be|) {c}";
                1 usual "(everything|all) behind (it|{the x}) (in|should be) {c}"; 1 usual "have {a c} (background|backdrop)";
                1 usual "with {a c} (background|backdrop)"; 1 usual "on {c}"; 1 usual "the (background|backdrop) in {c}";
                1 usual "(recolour|recolor|repaint) the (background|backdrop) {c}"; 1 usual "the (colour|color) of the background should be {c}";
                1 usual "set the (colour|color) of the background to {c}"; 1 usual "the backdrop: {c}"; 1 usual "let it stand on {c}";
                1 usual "place it before {a c} background";
                1 held "let the (background|backdrop) be {c}"; 1 held "could the background be {c}";
                1 held "(recolour|recolor) the (background|backdrop) to {c}"; 1 held "set the (background|backdrop) to {c}";
                1 order "{c} behind (it|{the x})"; 1 order "{c} for the (background|backdrop)";
                1 order "{c} (is|should be) the (background|backdrop)";
            },
            Self::Fill => forms! {
                5 usual "put {a x} (here|)"; 4 usual "(add|draw|place) {a x} (here|)"; 3 usual "{a x} here"; 4 usual "{x}";
                4 usual "{a x}"; 1 usual "I want {a x} here"; 1 usual "there should be {a x}"; 1 usual "put {a x} in the box";
                1 usual "paint {a x}"; 1 usual "put {x}"; 1 usual "add {x}";
                1 usual "insert {x}"; 1 usual "{a x} inside"; 1 usual "let {a x} appear here"; 1 usual "{a x} should go here";
                1 usual "{a x} (comes|goes) in the box";
                1 usual "insert the {x}"; 1 usual "(set|show|make|create) {a x} (here|)"; 1 usual "let {a x} be (here|there)";
                1 usual "let us have {a x} here"; 1 usual "{a x} (comes|stands|sits|belongs|appears) here"; 1 usual "{a x} in here";
                1 usual "(put|draw|add|show) {a x} inside"; 1 usual "place {a x} in (it|the box)"; 1 usual "(fill|the box) with {a x}";
                1 usual "fill (it|this|the box) with {a x}"; 1 usual "here I want {a x}"; 1 usual "I would like {a x} here";
                1 usual "could you (put|draw|add) {a x} here"; 1 usual "(give|bring) me {a x} here"; 1 usual "{a x} at this place";
                1 usual "one {x}, here"; 1 usual "there {a x}";
                1 held "insert {a x} (here|)"; 1 held "let there be {a x}"; 1 held "{a x} goes here"; 1 held "place {a x} inside";
                1 order "here (comes|goes) {a x}"; 1 order "in the box, {a x}";
            },
            Self::Clear => forms! {
                5 usual "(remove|delete|erase) (this|it|)"; 2 usual "clear (this|the box|)"; 2 usual "nothing here";
                1 usual "take (this|it) away"; 1 usual "get rid of (this|it)"; 1 usual "empty";
                2 usual "(remove|delete|erase) {the x}"; 1 usual "empty (this|the) box";
                1 usual "wipe (this|the) box"; 1 usual "(this|it) should (disappear|vanish)"; 1 usual "leave (this|it) empty";
                1 usual "take (this|it) out"; 1 usual "make (this|it) go away"; 1 usual "throw (this|it) out";
                1 usual "(clear|wipe|rub) (this|it) away"; 1 usual "(rub|cut|clear|leave) (this|it) out"; 1 usual "make (this|it) (leave|empty)";
                1 usual "let (this|it) be gone"; 1 usual "leave nothing (in it|in the box|there)";
                1 usual "nothing (in here|should be here|in the box)"; 1 usual "(I want|there should be) nothing here"; 1 usual "keep it empty";
                1 usual "this has to go";
                1 held "wipe (this|it) out"; 1 held "make (this|it) (disappear|vanish)"; 1 held "leave nothing here";
                1 order "here, nothing"; 1 order "this: (remove|delete|erase)";
            },
            Self::MarkRemove => forms! {
                5 usual "(remove|delete|erase) (this|it|that|)"; 2 usual "get rid of (this|it|that)";
                2 usual "take (this|it|that) away"; 2 usual "(remove|delete|erase) {the x}"; 1 usual "make that (disappear|vanish)";
                1 usual "(this|it|that) should (go|disappear)"; 1 usual "without (this|it)"; 1 usual "remove this one";
                1 usual "I (do not|don't) want (this|it)";
                2 usual "throw (this|it|that) out"; 1 usual "wipe (this|it|that) away"; 1 usual "let (this|it) go";
                1 usual "(toss|scrap|ditch|discard|lose|drop) (it|that)"; 1 usual "(this|it) should vanish"; 1 usual "cut (this|it) out";
                2 usual "(clear|toss|put|send|chase) (this|it|that) away"; 1 usual "(rub|leave|clear|take) (this|it|that) (out|off)";
                1 usual "(toss|scrap|ditch|discard|hide|cancel) this"; 1 usual "drop (this one|that one|the marked one)";
                1 usual "let (this|it|that) (leave|be gone|disappear|go away)";
                1 usual "(this|it|that) (is unwanted|is in the way|does not belong here|is too much|can go|must go|has to go)";
                1 usual "I want (this|it) (gone|out|removed)"; 1 usual "have (this|it) removed"; 1 usual "no more of (this|that)";
                1 usual "(eliminate|banish|dump|do away with) (this|it)"; 1 usual "lose (this|that) one"; 1 usual "(this|that) (gone|out of here)";
                1 usual "let {the x} (go|be gone)"; 1 usual "throw (it|this) in the bin";
                1 held "throw (this|it) away"; 1 held "wipe (this|it) out"; 1 held "drop this"; 1 held "let (this|it) vanish";
                1 order "(this|it) away"; 1 order "this one: (remove|delete|erase)";
            },
            Self::MarkReplace => forms! {
                2 usual "to {y}"; 4 usual "make (this|it) {a y}"; 4 usual "(turn|change) (this|it) into {a y}";
                3 usual "replace (this|it) (with|by) {a y}"; 2 usual "change (this|it) to {a y}"; 2 usual "{a y} (here|instead)";
                1 usual "(this|it) (becomes|should be) {a y}"; 1 usual "replace with {a y}"; 1 usual "make this one {a y}";
                1 usual "(swap|exchange) this for {a y}"; 1 usual "turn {the x} into {a y}"; 1 usual "replace {the x} with {a y}";
                1 usual "(transform|convert) (this|it) to {a y}"; 1 usual "let {a y} be here"; 1 usual "there should be {a y} instead";
                1 usual "put {a y} in its place"; 1 usual "I would rather have {a y} here";
                1 usual "(morph|remake|redraw|develop) (this|it) into {a y}";
                1 usual "let (this|it) (become|turn into|be replaced by|change into) {a y}"; 1 usual "(put|place|draw|set|show) {a y} (here|there)";
                1 usual "(draw|place|set) {a y} there instead"; 1 usual "(could|can) (this|it) be {a y}";
                1 usual "I want {a y} (here|instead|there instead)"; 1 usual "{a y} (in place of|instead of|rather than|for) (this|it)";
                1 usual "(trade|change|switch) (this|it) for {a y}"; 1 usual "(this|it) (turns into|should turn into|must become) {a y}";
                1 usual "rather {a y}"; 1 usual "(this|it) out, {a y} in"; 1 usual "better {a y}"; 1 usual "I want (this|it) to be {a y}";
                1 held "(transform|convert) (this|it) into {a y}"; 1 held "put {a y} there instead"; 1 held "let (this|it) be {a y}";
                1 order "{a y}, not (this|that)"; 1 order "instead of (this|it), {a y}";
            },
            Self::MarkRecolour => forms! {
                5 usual "make (this|it) {c}"; 3 usual "(paint|colour|color) (this|it) {c}"; 3 usual "{c}"; 1 usual "turn (this|it) {c}";
                1 usual "(this|it) should be {c}"; 1 usual "change the (colour|color) to {c}"; 1 usual "change (this|it) to {c}";
                1 usual "make {the x} {c}"; 1 usual "paint {the x} {c}"; 1 usual "make this one {c}"; 1 usual "in {c}";
                1 usual "(dye|tint|stain) (this|it) in {c}"; 1 usual "(recolour|recolor) (this|it) {c}";
                1 usual "give (this|it) the (colour|color) {c}";
                2 usual "(stain|spray|brush|shade|render) (this|it) {c}"; 1 usual "let (this|it) (be|become|look|turn) {c}";
                1 usual "(could|can) (this|it) be {c}"; 1 usual "(recolour|recolor|paint|turn) this (in|with) {c}";
                1 usual "change the (colour|color) of this to {c}"; 1 usual "give (this|it) {a c} (tint|shade|coat)";
                1 usual "I want (this|it) (in|to be|) {c}"; 1 usual "(use|apply|put) {c} (here|on this)"; 1 usual "set (this|it) to {c}";
                1 usual "(this|it) in {c}"; 1 usual "all {c}"; 1 usual "have (this|it) painted {c}"; 1 usual "(stain|spray|recolour) {the x} {c}";
                1 held "(dye|tint) (this|it) {c}"; 1 held "(recolour|recolor) (this|it) to {c}"; 1 held "give (this|it) {a c} colour";
                1 order "{c} for (this|it)"; 1 order "this one: {c}";
            },
            Self::Doodle => forms! {
                8 usual "make it real"; 3 usual ""; 2 usual "make (this|the|my) (sketch|doodle|drawing) real";
                2 usual "(turn|make) (the|this|my) (doodle|sketch|drawing) into {a x}"; 2 usual "{a x}"; 2 usual "{x}";
                1 usual "turn (this|it) into {a x}"; 1 usual "make (this|it) {a x}"; 1 usual "(colour|color) it"; 1 usual "this is {a x}";
                1 usual "turn the doodle into a real object"; 1 usual "draw it in (colour|color)"; 1 usual "finish the (sketch|drawing|doodle)";
                1 usual "bring (it|this) to life"; 1 usual "complete (this|the) (sketch|drawing)"; 1 usual "I want to see it finished";
                1 usual "make (it|{a x}) from the (sketch|doodle)";
                1 usual "bring {the x} to life"; 1 usual "(make|let) (this|my|the) (sketch|doodle|drawing) (look real|be real|become real)";
                1 usual "(finish|complete|colour) (my|the|this) (doodle|sketch)"; 1 usual "give (this|the|my) (sketch|doodle|drawing) (life|colour)";
                1 usual "make (it|this) (complete|finished|proper)"; 1 usual "from this (sketch|doodle|drawing), make {a x}"; 1 usual "a real {x}";
                1 usual "(it should|let it) be real"; 1 usual "fill it in";
                1 held "bring (this|the) (sketch|doodle|drawing) to life"; 1 held "make (this|the) (sketch|drawing) (finished|complete)";
                1 order "real, please"; 1 order "from (sketch|doodle) to {x}";
            },
            Self::Push => forms! {
                8 usual "push"; 3 usual ""; 3 usual "push (it|this)"; 2 usual "push {the x}"; 2 usual "(move|shove) (it|this|{the x})";
                1 usual "apply the force"; 1 usual "move it by the arrow until it stops"; 1 usual "(kick|hit) (it|{the x})";
                1 usual "push it along the arrow";
                1 usual "slide (it|{the x})"; 1 usual "let (it|this) go"; 1 usual "give it a (kick|shove)";
                1 usual "give {the x} a (kick|shove)"; 1 usual "give it a push"; 1 usual "let {the x} (go|move|fly|roll)";
                1 usual "let (it|this) (slide|move|roll)"; 1 usual "(kick|shove|drive|nudge) {the x} (away|over there|)";
                1 usual "push {the x} (away|along|over)"; 1 usual "make {the x} (move|slide)"; 1 usual "{the x} (gets|takes) a push";
                1 usual "{the x} should (slide|move)"; 1 usual "use the force on {the x}";
                1 held "give {the x} a push"; 1 held "let {the x} slide"; 1 order "along the arrow, push {the x}";
            },
            Self::Follow => forms! {
                8 usual "follow"; 3 usual ""; 3 usual "follow the (line|path|curve)"; 2 usual "follow it";
                2 usual "move (it|{the x}) along the (line|path|curve)";
                1 usual "move along the path to its end"; 1 usual "(go|move) there"; 1 usual "{the x} follows the (line|path)";
                1 usual "move {the x} to the end";
                1 usual "bring it there"; 1 usual "let {the x} follow the (line|path|curve)"; 1 usual "go along the (line|path|curve)";
                1 usual "bring {the x} (there|to the end)"; 1 usual "(move|take|carry|lead|send) {the x} (along|down) the (line|path|curve)";
                1 usual "(take|carry|lead|send) {the x} to the end of the (line|path|curve)";
                1 usual "let {the x} (move|travel|run) along the (line|path|curve)"; 1 usual "let {the x} go (there|to the end)";
                1 usual "{the x} (goes|moves|travels) along the (line|path|curve)"; 1 usual "make {the x} (follow|go along) it";
                1 usual "(the end|there) is where {the x} goes";
                1 held "bring {the x} to the end of the (line|path)"; 1 held "let {the x} go along the (line|path)";
                1 order "along the (line|path), move {the x}";
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::grammar::pattern::words;

    /// All sentences of a pattern, with the placeholders of one name alike.
    fn sentences(pattern: &str) -> Vec<String> {
        let Some((before, group)) = pattern.split_once('(') else {
            let words: Vec<&str> = pattern.split_whitespace().collect();
            let alike = words.join(" ").replace("y}", "x}").to_lowercase();
            return vec![alike.trim_start_matches("please ").to_string()];
        };
        let (inside, after) = group.split_once(')').unwrap();
        let alternatives = inside.split('|');
        let each = |chosen| sentences(&format!("{before}{chosen}{after}"));
        alternatives.flat_map(each).collect()
    }

    /// What is held out for one intent must not be learned through another, either.
    #[test]
    fn no_sentence_that_is_held_out_is_trained_on() {
        let forms = || Intent::ALL.into_iter().flat_map(|intent| intent.forms());
        let usual = forms().filter(|form| form.wording == Wording::Usual);
        let usual: BTreeSet<String> = usual.flat_map(|form| sentences(form.pattern)).collect();
        for form in forms().filter(|form| form.wording != Wording::Usual) {
            for sentence in sentences(form.pattern) {
                assert!(
                    !usual.contains(&sentence),
                    "{sentence:?} of {:?}",
                    form.pattern
                );
            }
        }
    }

    #[test]
    fn every_intent_has_forms_of_all_three_kinds() {
        for intent in Intent::ALL {
            for wording in [Wording::Usual, Wording::HeldOut, Wording::OtherOrder] {
                let some = intent.forms().iter().any(|form| form.wording == wording);
                assert!(some, "{} has no form of {wording:?}", intent.name());
            }
        }
    }

    #[test]
    fn no_form_stands_twice_and_every_group_ends() {
        for intent in Intent::ALL {
            let forms = intent.forms();
            for (at, form) in forms.iter().enumerate() {
                let count = |sign| form.pattern.matches(sign).count();
                assert_eq!(count('('), count(')'), "{}", form.pattern);
                assert_eq!(count('{'), count('}'), "{}", form.pattern);
                let twice = forms[..at].iter().any(|f| f.pattern == form.pattern);
                assert!(!twice, "{} twice in {}", form.pattern, intent.name());
                assert!(form.weight > 0);
            }
        }
    }

    /// What a test of forms asks is whether a new sentence of known words is understood.
    #[test]
    fn forms_that_are_held_out_say_it_in_words_that_others_have() {
        let words = |usual: bool| {
            let all = Intent::ALL.into_iter().flat_map(|intent| intent.forms());
            let some = all.filter(move |form| (form.wording == Wording::Usual) == usual);
            let words = some.flat_map(|form| words(form.pattern));
            words.map(str::to_lowercase)
        };
        let mut known: BTreeSet<String> = words(true).collect();
        known.extend(["an", "please"].map(String::from)); // of every sentence
        for word in words(false) {
            assert!(known.contains(&word), "{word:?} is only in forms held out");
        }
    }
}
