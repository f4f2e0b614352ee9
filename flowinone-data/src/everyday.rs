//! Everyday things that have a name of one word and do not look like one another.

/// The names, in alphabetical order; a style has some of them.
#[rustfmt::skip] // a word list reads as a paragraph
pub const NAMES: [&str; 217] = [
    "airplane", "ambulance", "anchor", "ant", "apple", "avocado", "axe", "backpack", "bacon",
    "badger", "bagel", "ball", "balloon", "banana", "banjo", "basket", "bat", "bear", "beaver",
    "beetle", "bell", "bicycle", "bird", "bison", "boat", "bone", "book", "bread", "broccoli",
    "broom", "bucket", "burrito", "bus", "butter", "butterfly", "cactus", "camel", "camera",
    "candle", "candy", "canoe", "car", "carrot", "castle", "cat", "cherries", "chestnut",
    "chicken", "coconut", "coin", "cookie", "cow", "crab", "crayon", "cricket", "crocodile",
    "croissant", "crown", "cucumber", "cup", "dog", "dolphin", "donkey", "door", "doughnut",
    "dragon", "dress", "drum", "duck", "egg", "eggplant", "elephant", "envelope", "feather",
    "fish", "flamingo", "flashlight", "flower", "flute", "fox", "frog", "garlic", "ghost",
    "giraffe", "glasses", "gloves", "goat", "goose", "gorilla", "grapes", "guitar",
    "hamburger", "hammer", "hamster", "hat", "hedgehog", "helicopter", "hippopotamus",
    "honeybee", "hook", "horse", "house", "hut", "jeans", "kangaroo", "key", "kite", "koala",
    "ladder", "leaf", "lemon", "leopard", "lion", "lizard", "llama", "lobster", "locomotive",
    "lollipop", "mammoth", "mango", "microscope", "minibus", "monkey", "moon", "mosquito",
    "motorcycle", "mouse", "mushroom", "necktie", "octopus", "onion", "orangutan", "otter",
    "owl", "oyster", "pancakes", "panda", "parachute", "parrot", "peach", "peacock", "peanuts",
    "pear", "pen", "pencil", "penguin", "pig", "pineapple", "pizza", "plunger", "pretzel",
    "rabbit", "raccoon", "radio", "rhinoceros", "robot", "rocket", "rooster", "rose",
    "sailboat", "sandwich", "sauropod", "saxophone", "scarf", "scissors", "scorpion", "seal",
    "shark", "shield", "shrimp", "skateboard", "skunk", "sled", "sloth", "snail", "snake",
    "snowflake", "snowman", "socks", "spider", "spoon", "squid", "star", "stethoscope",
    "strawberry", "sun", "sunflower", "swan", "taco", "taxi", "teapot", "telescope",
    "television", "tent", "tiger", "tomato", "toothbrush", "tractor", "tree", "trophy",
    "trumpet", "tulip", "turkey", "turtle", "umbrella", "unicorn", "violin", "volcano",
    "watch", "watermelon", "whale", "wheel", "wolf", "worm", "wrench", "yarn", "zebra",
];

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_sorted_and_unique() {
        assert!(super::NAMES.is_sorted_by(|a, b| a < b));
    }
}
