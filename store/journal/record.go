package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

// A record on disk is a header, the data, and zeros up to a multiple of 8:
//
//	 0  "AJ", version, kind
//	 4  length of the data
//	 8  when it was appended, milliseconds since 1970
//	16  CRC-32C of the data
//	20  CRC-32C of the record's position and the 20 bytes before
//
// Numbers are little-endian. The header has a checksum of its own so that its
// length can be trusted where the data are rotten: what lies inside the data is
// then never taken for a record. The position in it makes bytes invalid that
// belong elsewhere.
const (
	headerSize = 24
	alignment  = 8
	version    = 1
	// IDSize is the length of a call's ID, with which its record begins.
	IDSize = 16
	// maxLength bounds Options.MaxRecord, and what a header may claim.
	maxLength = 64 << 20
)

type kind byte

const (
	final kind = 1
	extra kind = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Record is one record as Read gives it.
type Record struct {
	// Pos is its position.
	Pos int64
	// Time is when it was appended, to the millisecond.
	Time time.Time
	// Extra says that it was written by Slot.Extra.
	Extra bool
	// Data is as it was given. It shares memory with other records of the same
	// Read and is the caller's.
	Data []byte
}

// frameSize is the space on disk of a record of n bytes.
func frameSize(n int) int64 {
	return (headerSize + int64(n) + alignment - 1) &^ (alignment - 1)
}

// frame writes a record behind a header that has yet to be sealed, into b.
func frame(b []byte, k kind, now time.Time, data []byte) []byte {
	b = append(b[:0], 'A', 'J', version, byte(k))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint64(b, uint64(now.UnixMilli()))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(data, castagnoli))
	b = append(b, 0, 0, 0, 0)
	b = append(b, data...)
	for len(b)%alignment != 0 {
		b = append(b, 0)
	}
	return b
}

// seal binds a framed record to its position.
func seal(b []byte, pos int64) {
	binary.LittleEndian.PutUint32(b[20:], headerSum(b, pos))
}

func headerSum(b []byte, pos int64) uint32 {
	// The position is summed by hand, as an array of it would be moved to the heap.
	sum := ^uint32(0)
	for range 8 {
		sum = castagnoli[byte(sum)^byte(pos)] ^ sum>>8
		pos >>= 8
	}
	return crc32.Update(^sum, castagnoli, b[:20])
}

type header struct {
	kind   kind
	length int
	time   time.Time
	sum    uint32
}

// parseHeader reads the header of a record at a position.
func parseHeader(b []byte, pos int64) (h header, ok bool) {
	if b[0] != 'A' || b[1] != 'J' || b[2] != version ||
		binary.LittleEndian.Uint32(b[20:]) != headerSum(b, pos) {
		return h, false
	}
	h = header{
		kind:   kind(b[3]),
		length: int(binary.LittleEndian.Uint32(b[4:])),
		time:   time.UnixMilli(int64(binary.LittleEndian.Uint64(b[8:]))),
		sum:    binary.LittleEndian.Uint32(b[16:]),
	}
	return h, (h.kind == final || h.kind == extra) && h.length >= IDSize && h.length <= maxLength
}

// checkRecord says why a record cannot be one.
func checkRecord(record []byte, most int) error {
	if len(record) < IDSize {
		return fmt.Errorf("a record of %d bytes is shorter than a call's id", len(record))
	}
	if len(record) > most {
		return fmt.Errorf("%w: %d bytes, and the limit is %d", ErrTooLarge, len(record), most)
	}
	return nil
}
