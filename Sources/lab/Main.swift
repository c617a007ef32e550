import Corpus
import Glibc
@main
struct Main {
    static func main() throws {
        let a = CommandLine.arguments
        let variables = try VariableTable.read(at: "configs/variables.yaml")
        let mapping = try Mapping.read(at: "configs/mappings/\(a[1]).yaml", variables: variables)
        let (stays, counts) = try Harmoniser(mapping: mapping, variables: variables).harmonise(try TableFolder(path: a[2]))
        print(stays.count, Set(stays.map(\.patient)).count, stays.count(where: \.died))
        print(counts.stayRows, counts.excluded)
        for t in counts.tables { print(t) }
        for (v, c) in zip(variables.variables, counts.variables) {
            let i = variables.index(of: v.name)!
            let x = stays.map { $0.values[i] }.filter { !$0.isNaN }.sorted()
            print(v.name, x.count, x.isEmpty ? [] : [x[0], x[x.count / 2], x[x.count - 1]], c)
        }
    }
}
