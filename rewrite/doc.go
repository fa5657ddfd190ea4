// Package rewrite is Apache's .htaccess dialect: the parser, mod_rewrite, ap_expr
// and the other directives, as data and pure decisions.
//
// It owns no goroutine, socket, file or clock: what it must know of the world it
// asks an Env, which the server implements over cached facts. It imports nothing
// of ours. A *File, *Config, *Pattern, *Expr and *Site are immutable and may be
// shared; a Request, its Answer and a Merger belong to one goroutine (a loop).
//
// # Duties of the caller, in order
//
//  1. Compile once: Site.Base from a text that stands for Apache's own
//     configuration (Dialect.Server; options, index, the handler of scripts in a
//     <FilesMatch>, "Require all denied" for "^\.ht"). Because it goes through the
//     same merge, "SetHandler none" of a .htaccess loses against it, and
//     <Files *> SetHandler wins, exactly as in Apache.
//  2. Env.Htaccess(dir) returns the Compile of dir/.htaccess, the same pointer as
//     long as the file is unchanged (the Merger remembers chains by pointer), nil
//     where there is none. It is asked once per folder between the document root
//     and the file, in each pass. A File with a Fault makes everything below it 500.
//  3. Per request: Reset, fill in the fields, Run. Reset keeps the memory.
//     Fields are edited by RequestHeader: hand the script Request.Fields as they
//     are after Run.
//  4. Do what the Answer says. AnswerScript whose File is not Regular is the
//     backend's own 404 (no ErrorDocument). Answer.Method replaces the method; if
//     it became GET (ErrorDocument) the content is passed on only with KeepsContent,
//     else CONTENT_LENGTH is 0. A 405 or 501 has Allow, which is empty unless
//     ByHandler; a 204 has no Content-Type. Answer.Status other than 200 with a file or script is an
//     error document's: it is the status of the response unless the script sets
//     one other than 200. A text for an error is in Text (HasText), text/html.
//     AnswerPending: run the request again when the PasswordChecker or the
//     FolderReader knows. A 300 or 406 may list Variants in its page.
//     An AnswerFile whose name is a script's (a handler was taken away) would send
//     source, as Apache does: refuse it, 403. Config.PHPOff refuses scripts.
//  5. The script's environment: Answer.Env first, then the usual variables over
//     it. SCRIPT_NAME is Answer.URI without PathInfo, REQUEST_URI is the target as
//     sent, QUERY_STRING is Args. HTTP_AUTHORIZATION only with PassAuth (or if Env
//     has it); REMOTE_USER and AUTH_TYPE from User and AuthType. PATH_TRANSLATED
//     is PathTranslated, at the cost of a sub-request.
//  6. When the response's head is there: fill a Response and call
//     Answer.Respond: Vary, AddDefaultCharset, Expires, Header, cookies, in
//     Apache's order. Response.Own is true for what the server made itself (a
//     status, a redirect, a built-in page); its Location and WWW-Authenticate go
//     into Fields, where "Header always edit" does not reach them, as in Apache.
//     Send Always and Fields.
//  7. Ask Config for the rest: ETag, BodyMax, PHP, OutputFilters, Listing.
//     DEFLATE adds "Vary: Accept-Encoding" only where compression is considered
//     (Apache leaves small static files alone); a variable no-gzip forbids it.
//
// # The phases, as Run performs them
//
// Each pass (the request, each internal redirect, each sub-request) runs Apache's
// hooks in this order, and the first that answers with a status ends it:
//
//	parse          path normalised, decoded once: 400, 404 for %2F and %00
//	translate      server-context rules (Site.Base), else root + path
//	map to storage TRACE 405; file name up to the first missing component, the rest
//	               is PATH_INFO; files of each folder merged, then <Files> by base
//	               name, then <If>; a symbolic link without Options: 403. A link that
//	               leads nowhere is 403 too, but found out only when a rule, a
//	               FallbackResource or the handler would act on a missing file
//	header parser  SetEnvIf, BrowserMatch (not in sub-requests)
//	access         Order/Allow/Deny, Require, Satisfy; then Basic authentication and
//	               Require again: 403, 401, 500 where the configuration is broken.
//	               Skipped when the pass before had the very same configuration.
//	type           MultiViews if the file is missing (its answer is a file beside
//	               it, or 300, 404, 406), else mod_mime by extensions; ForceType,
//	               SetHandler
//	fixups         mod_rewrite per directory; Redirect (it wins over an internal
//	               rewrite, with the rewritten query); HTTPS, SetEnv; [T] and [H];
//	               mod_dir: the slash, DirectoryIndex (a sub-request for each
//	               name), FallbackResource; RequestHeader
//	handler        internal redirect, script, file, listing, 404, 405
//
// An internal redirect starts over with its new URL and variables renamed to
// REDIRECT_…; ten succeed. An error starts over with its ErrorDocument, once.
//
// # Differences from Apache, on purpose
//
// php_value and php_flag are known; MultiViews takes no type maps, and no more
// than variantsMax files; directives of modules that change nothing here are skipped and noted
// (File.Findings); AuthType other than Basic refuses (500); an [H] on a rule that
// redirects loses the redirect, as in Apache. Patterns that need back-tracking
// (look-around, back references) run with a time limit, at which they do not match.
package rewrite
