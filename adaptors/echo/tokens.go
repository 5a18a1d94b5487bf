package echo

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
)

// Echo counts tokens with OpenAI's o200k_base, for every protocol alike. The
// tokens of a prompt are those of its texts (messages, system, instructions,
// tool definitions and tool results as JSON), 3 more for each message, and 3
// for the beginning of the answer; images and files count nothing. Of a text over
// 256 KiB, the rest counts as a token for four bytes.

// encoding is read once, when the first text is counted: it takes 50 ms and
// 7 MB of memory, which nobody is to pay who does not use echo.
var encoding = sync.OnceValue(codec.NewO200kBase)

const (
	perMessage  = 3
	perPrompt   = 3
	maxCounted  = 256 << 10 // bytes; beyond them four bytes are taken for a token
	bytesPerOne = 4
)

// count returns the number of a text's tokens.
func count(text string) int {
	rest := 0
	if len(text) > maxCounted {
		rest = (len(text) - maxCounted) / bytesPerOne
		text = text[:maxCounted]
	}
	n, err := encoding().Count(text)
	if err != nil {
		// Its regular expression has no limit of time, so this is not reached.
		n = len(text) / bytesPerOne
	}
	return n + rest
}

// limit cuts a text after its first most tokens (0: none is too many). It
// returns the text, its number of tokens, and whether it was cut.
func limit(text string, most int) (string, int, bool) {
	n := count(text)
	if most == 0 || n <= most {
		return text, n, false
	}
	_, tokens, err := encoding().Encode(text[:min(len(text), maxCounted)])
	if err != nil || len(tokens) < most {
		return text, n, false
	}
	// A token may end inside a character.
	return strings.ToValidUTF8(strings.Join(tokens[:most], ""), ""), most, true
}

// split cuts a text into n pieces, at most one a character; into one a word
// where n is 0. A word has the space that precedes it, so that the pieces
// together are the text.
func split(text string, n int) []string {
	if n == 0 {
		if pieces := words(text); len(pieces) <= maxChunks {
			return pieces
		}
		n = maxChunks
	}
	characters := utf8.RuneCountInString(text)
	n = max(1, min(n, characters))
	pieces := make([]string, 0, n)
	start, seen := 0, 0
	for i := range text {
		if seen > 0 && seen*n/characters > len(pieces) {
			pieces = append(pieces, text[start:i])
			start = i
		}
		seen++
	}
	return append(pieces, text[start:])
}

func words(text string) []string {
	var pieces []string
	start := 0
	for i := 1; i < len(text); i++ {
		if space(text[i]) && !space(text[i-1]) {
			pieces = append(pieces, text[start:i])
			start = i
		}
	}
	return append(pieces, text[start:])
}

func space(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }
