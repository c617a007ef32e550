import JSONText
import SeededRandom

/// The way in for texts of JSON: what the mutation tests and the fuzzer (`scripts/fuzz`) both push bytes through.
enum JSONDecoders {
    static let all: [Spoiling.Entry] = [json]

    private static let json: Spoiling.Entry = (
        "json",
        [
            #"{"a":[1,-2.5e3,true,false,null,"\u00e9\n\\\"/\ud83d\ude42"],"b":{"c":{}},"d":9223372036854775807}"#,
            #"[[[[[[[]]]]]],{"x":0.1,"y":1e-300,"":"ümlaut 漢字"},18446744073709551616]"#,
        ].map { Array($0.utf8) },
        { bytes in
            let value = try JSON(bytes)
            for style in [JSON.Style.compact, .readable] {
                let text = try value.encoded(style)
                let again = try JSON(text)
                precondition(again == value, "JSON reads otherwise than it was written")
                let isSame = try again.encoded(style) == text
                precondition(isSame, "the same JSON is written in two ways")
            }
        }
    )
}
