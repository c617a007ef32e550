import Aggregation
import Federation
import Testing

@Suite("Whose contributions a round is summed over")
struct CloudSelectionTests {
    private static let all = ["east", "north", "south", "west", "xanadu"]

    private func clouds(_ names: [String]) throws -> Set<CloudName> { try Set(names.map { try CloudName($0) }) }

    /// - Parameter words: what each cloud has helped with.
    private func choice(
        present: [String] = all, words: [String: [String]], cohort: [String] = all, needed: Int = 4, minimum: Int = 3,
        helpers: Int = 3, round: UInt32 = 3
    ) throws -> CloudChoice {
        var said: [CloudName: HelpedSum] = [:]
        for (cloud, names) in words {
            said[try CloudName(cloud)] = HelpedSum(
                round: RoundNumber(round), clouds: try names.map { try CloudName($0) }.sorted())
        }
        return CloudChoice(
            cohort: try clouds(cohort), present: try clouds(present), words: said, needed: needed, minimum: minimum,
            helpers: helpers)
    }

    private static let four = ["east", "north", "south", "west"]

    @Test("Nobody has helped with anything: all who are there, if they are enough")
    func ordinary() throws {
        let all = try #require(try choice(words: [:]).selection)
        #expect(all.clouds.count == 5 && all.heldBy.isEmpty && all.leftOut.isEmpty)
        #expect(try choice(present: Self.four, words: [:]).selection?.clouds.count == 4)
        let few = try choice(present: ["east", "north", "south"], words: [:])
        #expect(few.selection == nil)
        #expect(few.shortfall.missing.map(\.description) == ["west", "xanadu"])
    }

    @Test("Those who have helped with a sum are summed over alone, and it is told by whose word")
    func held() throws {
        let words = Dictionary(uniqueKeysWithValues: Self.four.map { ($0, Self.four) })
        let selection = try #require(try choice(words: words).selection)
        #expect(try selection.clouds == clouds(Self.four))
        #expect(selection.heldBy.map(\.description) == Self.four)
        #expect(selection.leftOut.map(\.description) == ["xanadu"])
        #expect(selection.reason.contains("have helped to open a sum over east, north, south and west in round 3"))
        // The same set again: nobody is left out.
        let same = try #require(try choice(present: Self.four, words: words).selection)
        #expect(same.leftOut.isEmpty)
        // One of them alone may have made its share; then the others go on without it, as it could not have been opened.
        let one = try #require(try choice(words: ["east": Self.four]).selection)
        #expect(one.leftOut.map(\.description) == ["east"] && one.heldBy.isEmpty)
        #expect(one.reason.contains("east has helped") && one.reason.contains("the round goes on without them"))
    }

    @Test("Of two sets that were helped with, one after the other, the later can be finished, and is")
    func twoSets() throws {
        let later = ["north", "south", "west", "xanadu"]
        var words = Dictionary(uniqueKeysWithValues: later.map { ($0, later) })
        words["east"] = Self.four
        let selection = try #require(try choice(words: words).selection)
        #expect(try selection.clouds == clouds(later))
        #expect(selection.leftOut.map(\.description) == ["east"])
    }

    @Test("One that is missing is named, and so is the way out; those without a word go on if they are enough")
    func missing() throws {
        let helpers = ["east", "north", "south"]
        let words = Dictionary(uniqueKeysWithValues: helpers.map { ($0, Self.four) })
        let stuck = try choice(present: helpers + ["xanadu"], words: words)
        #expect(stuck.selection == nil)
        #expect(stuck.shortfall.missing.map(\.description) == ["west"])
        #expect(
            stuck.shortfall.reason
                == "east, north and south have helped to open a sum over east, north, south and west in round 3, which was given up, and can help with no other from the same adapter: west must come back; without those who helped 1 cloud is left, and 4 are needed"
        )
        // Gone for good, and the federation has others.
        let gone = try choice(present: helpers, words: words, cohort: helpers + ["xanadu"])
        #expect(gone.shortfall.missing.map(\.description) == ["west"])
        #expect(gone.shortfall.reason.contains("west is not in the federation any more"))
        let many = ["a", "b", "c", "d", "e"]
        let without = try #require(
            try choice(present: helpers + many, words: words, cohort: Self.all + many).selection)
        #expect(try without.clouds == clouds(many))
        #expect(without.leftOut.map(\.description) == helpers)
    }

    @Test("Clouds that lie leave out fewer others than they are; one leaves out nobody but itself")
    func liars() throws {
        let honest = (0..<8).map { "h\($0)" }
        for liars in 1...3 {
            let names = (0..<liars).map { "liar\($0)" }
            for victims in 1...4 {
                let claimed = names + honest.dropFirst(victims)
                let words = Dictionary(uniqueKeysWithValues: names.map { ($0, claimed) })
                let selection = try #require(
                    try choice(
                        present: honest + names, words: words, cohort: honest + names, needed: 6, helpers: 6
                    ).selection)
                let excluded = try clouds(honest).subtracting(selection.clouds).count
                #expect(excluded < liars, "\(liars) liars have left out \(excluded)")
                // And whoever is left out by them reads who they are.
                #expect(excluded == 0 || selection.heldBy.map(\.description) == names)
            }
        }
    }

    @Test("No word brings a sum below the quorum, nor one that its own clouds would not help with")
    func bounds() throws {
        // Three of them say that they go together alone; four are needed.
        let three = ["east", "north", "south"]
        let small = try choice(words: Dictionary(uniqueKeysWithValues: three.map { ($0, three) }))
        #expect(small.selection == nil)
        #expect(small.shortfall.missing.isEmpty && small.shortfall.reason.contains("that is 3 clouds"))
        #expect(
            try choice(words: Dictionary(uniqueKeysWithValues: three.map { ($0, three) }), needed: 3).selection != nil)
        // West says otherwise than the others of its set.
        var words = Dictionary(uniqueKeysWithValues: Self.four.map { ($0, Self.four) })
        words["west"] = ["north", "south", "west", "xanadu"]
        let split = try choice(words: words)
        #expect(split.selection == nil && split.shortfall.reason.contains("does not go together"))
    }

    @Test("A set that may have been opened has no neighbour: the difference would be a sum of too few")
    func neighbours() throws {
        let words = ["east": Self.all, "north": Self.all]
        let three = ["south", "west", "xanadu"]
        // East, north and one who is away may have opened the sum of all five; less that of three it would be that of two.
        func selection(helpers: Int, minimum: Int = 2) throws -> CloudSelection? {
            try choice(
                present: three + ["east"], words: ["east": Self.all], needed: 3, minimum: minimum, helpers: helpers
            )
            .selection
        }
        #expect(try selection(helpers: 3)?.clouds == clouds(three))
        #expect(try selection(helpers: 2)?.clouds == clouds(three))
        #expect(try selection(helpers: 2, minimum: 3) == nil)
        #expect(try choice(words: words, needed: 3, helpers: 2).selection?.clouds == clouds(Self.all))
    }
}
