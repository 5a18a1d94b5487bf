package script

import "strconv"

// What prompts are made of: prose, code, tool output and other scripts, as
// they stand inside a JSON string. Every piece is escaped already.
var pieces = []string{
	`The handler reads the body whole, finds the model's name in one pass and sends the bytes on as they came. `,
	`func (s *Server) Close() error {\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\tif s.closed {\n\t\treturn nil\n\t}\n\ts.closed = true\n\treturn s.ln.Close()\n}\n`,
	`Please explain why \"idle connections\" matter here, and what happens when the pool runs dry. `,
	`{\"path\":\"internal/server/close.go\",\"line\":42,\"text\":\"return s.ln.Close()\"}\n`,
	`Gr\u00fc\u00dfe aus K\u00f6ln, \u65e5\u672c\u8a9e\u306e\u6587\u7ae0 and a smile \ud83d\ude42, written by a client that escapes. `,
	`Grüße aus Köln, 日本語の文章 and the same smile 🙂, written by one that does not. `,
	`$ go test ./...\nok  \texample.org/server\t0.412s\n--- FAIL: TestClose (0.00s)\n    close_test.go:17: got \"EOF\", want nil\n`,
	`C:\\Users\\dev\\project\\main.go:10:2: undefined: foo\r\n`,
	`Then the second paragraph goes on for a while without anything that needs an escape at all, as most prose does. `,
	`<div class=\"note\">\u003cb\u003e5 \u0026 6\u003c/b\u003e</div>\n`,
}

// words are the contents of stream chunks, escaped already.
var words = []string{
	` the`, ` body`, ` is`, ` sent`, `\n\n`, ` as`, ` it`, ` \"came\"`, `,`, ` byte`, ` for`, ` byte`, `.`, ` Größe`, ` \u00e9t\u00e9`, "\\t",
}

// appendText appends exactly n bytes of JSON string content to b. Each seed
// starts at another piece, and every piece carries its number, so that no
// stretch of a body repeats.
func appendText(b []byte, seed, n int) []byte {
	end := len(b) + n
	for i := seed; ; i++ {
		number := strconv.Itoa(i)
		piece := pieces[i%len(pieces)]
		if len(b)+len(number)+1+len(piece) > end {
			break
		}
		b = append(b, number...)
		b = append(b, ' ')
		b = append(b, piece...)
	}
	for len(b) < end {
		b = append(b, '.')
	}
	return b
}
