/// Texts on which tokenizers go wrong.
enum NastyTexts {
    static let all: [String] = [
        "",
        " ",
        "  ",
        "\n",
        "\r\n",
        "Hello, world!",
        "  two before and two after  ",
        "tabs\tand\t\ttabs \t mixed\t ",
        "line\r\nends\r\n\r\n  of\rthree\nkinds \n",
        "it's they're we've I'm she'll he'd 'sit 't 'RE can'T  's''s'll've",
        "dogs' 'quoted' ''doubled'' '",
        "age=4 heartrate=5 outcome= died",
        "3.14159 1,000,000 1e-6 0x7f 12ab34 7\u{2044}8",
        "٠١٢٣ ०१२ ๑๒๓ ⅧⅫ ½¾ ①② ²³ 一二三",
        "日本語のテキスト、漢字とかな交じり。 中文，標點。한국어 띄어쓰기",
        "שלום עולם مرحبا بالعالم \u{202B}embedded\u{202C} \u{200F}mark",
        "e\u{301} é a\u{30A}ngstro\u{308}m \u{212B} n\u{303}\u{323}",
        "Z\u{300}\u{301}\u{302}a\u{315}\u{31B}l\u{322}\u{347}g\u{321}o",
        "👍 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇫🇷🇩🇪 ☎️ 1️⃣",
        "nul\u{0}byte \u{1}\u{2}\u{7F} \u{80}\u{85}next\u{9F}",
        "\u{A0}no\u{A0}break \u{2003}em\u{2009}thin\u{202F}narrow\u{3000}wide \u{200B}zero\u{FEFF}bom \u{180E}",
        "\u{2028}line\u{2029}paragraph \u{B}\u{C} vt ff",
        "word" + String(repeating: " ", count: 37) + "after a long run",
        String(repeating: " ", count: 40),
        String(repeating: "a", count: 300),
        String(repeating: "ab", count: 150) + " " + String(repeating: "=-", count: 60),
        String(repeating: "\n", count: 19) + "x" + String(repeating: "\t", count: 5),
        "<|endoftext|>",
        "before<|endoftext|>after <|endoftext|> <|endoftext|><|endoftext|>\n<|endoftext|",
        "<|endoftext<|endoftext|>|>",
        "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 𐍈 𠜎𠜱 \u{10FFFF}\u{E000}",
        "naïve façade — “quotes” … €100 £5 ¥ № § ¶ © ® ™",
        "snake_case camelCase SCREAMING_CASE kebab-case path/to/file.txt user@example.org",
        "if (x <= 3 && y != 4) { return a[i]->b; } // comment \\ \" '",
        "ﬁ ﬂ ǆ ß ẞ İ ı ſ Σς",
        "\u{E01}\u{E33} \u{B95}\u{BCD}\u{BB7}\u{BC6} \u{915}\u{94D}\u{937} \u{1780}\u{17D2}\u{179A}",
        "_under_ ʼmodifierʼ ʰ ª º ˈstressˌ ´ ` ^ ¨",
        "a b  c   d    e     f",
        "x ' y 's z",
        "\u{FFFD}\u{FFFD} replacement \u{FFFC}",
    ]

    /// Texts put together at random from what matters to a tokenizer.
    static func random(_ count: Int, seed: UInt64) -> [String] {
        let pieces = [
            " ", "  ", "\n", "\t", "\u{A0}", "\u{3000}", "'s", "'ll", "'", "’", "a", "B", "the", " the", "ing", "é",
            "e\u{301}",
            "ß", "中", "の", "한", "ש", "م", "7", "42", "٣", "Ⅷ", "½", "!", "...", "—", "_", "=", "<", "<|endoftext|>",
            "👍🏽",
            "\u{200D}", "\u{0}", "𝔘", "ing", "er", "ab", "x=3", "\r\n", "Ġ", "Ċ",
        ]
        var state = seed | 1
        func next() -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state >> 33)
        }
        return (0..<count).map { _ in (0..<next() % 24).map { _ in pieces[next() % pieces.count] }.joined() }
    }
}
