package wire

import (
	"bytes"
	"fmt"
)

// maxBody bounds lengths and chunk sizes: no exchange of the bench comes near.
const maxBody = 1 << 30

var (
	crlf             = []byte("\r\n")
	contentLength    = []byte("Content-Length")
	transferEncoding = []byte("Transfer-Encoding")
	connection       = []byte("Connection")
	chunked          = []byte("chunked")
	closing          = []byte("close")
)

func parseHead(block []byte) (Head, error) {
	end := bytes.Index(block, crlf)
	h := Head{Start: block[:end], Fields: block[end+2:], Length: -1}
	for rest := h.Fields; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, crlf)
		rest = after
		if value, ok := field(line, contentLength); ok {
			n, err := decimal(value)
			if err != nil {
				return Head{}, err
			}
			h.Length = n
		} else if value, ok := field(line, transferEncoding); ok {
			if !bytes.EqualFold(value, chunked) {
				return Head{}, fmt.Errorf("transfer encoding %.40q", value)
			}
			h.Chunked = true
		} else if value, ok := field(line, connection); ok {
			h.Close = bytes.EqualFold(value, closing)
		}
	}
	if h.Chunked && h.Length >= 0 {
		return Head{}, fmt.Errorf("both chunked and a length of %d", h.Length)
	}
	return h, nil
}

// Field returns the value of the first field of that name, in any case.
func (h Head) Field(name string) ([]byte, bool) {
	for rest := h.Fields; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, crlf)
		rest = after
		if value, ok := field(line, []byte(name)); ok {
			return value, true
		}
	}
	return nil, false
}

func field(line, name []byte) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !bytes.EqualFold(line[:len(name)], name) {
		return nil, false
	}
	return bytes.Trim(line[len(name)+1:], " \t"), true
}

func decimal(s []byte) (int, error) {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > maxBody {
			return 0, fmt.Errorf("content length %.40q", s)
		}
		n = n*10 + int(c-'0')
	}
	if len(s) == 0 || n > maxBody {
		return 0, fmt.Errorf("content length %.40q", s)
	}
	return n, nil
}

// hex reads a chunk's size; chunk extensions are passed over.
func hex(line []byte) (int, error) {
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		line = line[:i]
	}
	n := 0
	for _, c := range line {
		var digit byte
		switch {
		case '0' <= c && c <= '9':
			digit = c - '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			digit = c | 0x20 - 'a' + 10
		default:
			return 0, fmt.Errorf("chunk size %.20q", line)
		}
		if n = n<<4 | int(digit); n > maxBody {
			return 0, fmt.Errorf("chunk size %.20q", line)
		}
	}
	if len(line) == 0 {
		return 0, fmt.Errorf("chunk size %.20q", line)
	}
	return n, nil
}
