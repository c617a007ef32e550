/// The page: one document, its style and its script in it, nothing from elsewhere. It is part of the program, so that a program
/// that is moved keeps it. Whatever comes out of events is put into it as text, never as markup.
enum Page {
    /// What the browser may load and run: what carries this answer's nonce, and data from here.
    static func policy(nonce: String) -> String {
        [
            "default-src 'none'", "style-src 'nonce-\(nonce)'", "script-src 'nonce-\(nonce)'", "connect-src 'self'",
            "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        ].joined(separator: "; ")
    }

    /// - Parameter base: the page's own folder, where its state and its stream are.
    static func document(federation: String, base: String, nonce: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(escaped(federation)): Tributary</title>
        <link rel="icon" href="data:image/svg+xml,\(icon)">
        <style nonce="\(nonce)">\(PageStyle.sheet)</style>
        </head>
        <body data-base="\(escaped(base))">
        \(PageBody.markup)
        <script nonce="\(nonce)">\(PageScript.text)</script>
        </body>
        </html>

        """
    }

    private static let icon =
        "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 3c5 0 5 5 8 5M1 8h8M1 13c5 0 5-5 8-5M9 8h6' fill='none' stroke='%230a66a8' stroke-width='2' stroke-linecap='round'/%3E%3C/svg%3E"

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}
