/// What one table may hold, and how much of a cloud's tables ingest keeps: far above any known set of intensive-care records
/// (MIMIC-III 61,532 stays and 330 million charted events, eICU 200,859 stays), and low enough that no table exhausts a host.
package struct TableLimits: Sendable {
    /// Bytes of one record, line breaks inside quotes included.
    package var record: Int
    package var columns: Int
    /// Bytes of the whole table, unpacked.
    package var total: Int
    /// Bytes of a text that is kept, or compared with others: an identifier, a unit, the name of a column. Texts are compared by
    /// canonical equivalence (Unicode Standard Annex 15), which costs the square of a run of combining marks: minutes for one
    /// cell of a megabyte.
    package var text: Int
    /// Stays of one patient, and of one admission.
    package var staysPerKey: Int
    /// Bytes held at a time for all tables of a cloud, by the account of `Kept`.
    package var kept: Int

    package init(
        record: Int = 1 << 20, columns: Int = 1024, total: Int = 1 << 40, text: Int = 256, staysPerKey: Int = 10_000,
        kept: Int = 4 << 30
    ) {
        self.record = record
        self.columns = columns
        self.total = total
        self.text = text
        self.staysPerKey = staysPerKey
        self.kept = kept
    }
}
