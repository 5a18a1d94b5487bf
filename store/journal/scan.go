package journal

import (
	"fmt"
	"hash/crc32"
	"io"
)

// windowSize is how much of a segment is read at a time.
const windowSize = 256 << 10

// scanner goes through the records of a segment. Where the bytes are no valid
// record it goes on to the next one that is.
type scanner struct {
	f    io.ReaderAt
	base int64 // position of the file's first byte
	pos  int64 // position of the next record
	end  int64 // position where the segment ends
	// damaged is told of what was passed over before a valid record.
	damaged func(from, to int64)

	window    []byte
	windowPos int64
}

// bytes returns n bytes from pos. They are never overwritten.
func (s *scanner) bytes(pos, n int64) ([]byte, error) {
	from := pos - s.windowPos
	if from < 0 || from+n > int64(len(s.window)) {
		b := make([]byte, min(max(n, windowSize), s.end-pos))
		if _, err := s.f.ReadAt(b, pos-s.base); err != nil {
			return nil, fmt.Errorf("reading the journal at %d: %w", pos, err)
		}
		s.window, s.windowPos, from = b, pos, 0
	}
	return s.window[from : from+n : from+n], nil
}

// next returns the next valid record. Without one, pos stays at the first byte
// that belongs to none.
func (s *scanner) next() (r Record, ok bool, err error) {
	for at := s.pos; at+headerSize <= s.end; {
		b, err := s.bytes(at, headerSize)
		if err != nil {
			return r, false, err
		}
		h, ok := parseHeader(b, at)
		if !ok {
			at += alignment
			continue
		}
		if at+headerSize+int64(h.length) > s.end {
			return r, false, nil // the rest of the segment is a part of this one
		}
		data, err := s.bytes(at+headerSize, int64(h.length))
		if err != nil {
			return r, false, err
		}
		if crc32.Checksum(data, castagnoli) != h.sum {
			at += frameSize(h.length)
			continue
		}
		if at > s.pos {
			s.damaged(s.pos, at)
		}
		s.pos = at + frameSize(h.length)
		return Record{Pos: at, Time: h.time, Extra: h.kind == extra, Data: data}, true, nil
	}
	return r, false, nil
}

// rest returns how many bytes from pos on are left when the zeros at the end are
// taken away.
func (s *scanner) rest() (int64, error) {
	var n int64
	for at := s.pos; at < s.end; {
		b, err := s.bytes(at, min(windowSize, s.end-at))
		if err != nil {
			return 0, err
		}
		for i, c := range b {
			if c != 0 {
				n = at + int64(i) + 1 - s.pos
			}
		}
		at += int64(len(b))
	}
	return n, nil
}
