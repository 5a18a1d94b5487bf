package upstream

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"
)

func TestEmbeddingsInBothEncodings(t *testing.T) {
	s := New(t, OpenAI)
	_, floats, err := call(t, s, "/embeddings", `{"model":"text-embedding-3-small","input":["a","b"]}`)
	if err != nil {
		t.Fatal(err)
	}
	_, packed, err := call(t, s, "/embeddings", `{"model":"text-embedding-3-small","input":["a","b"],"encoding_format":"base64"}`)
	if err != nil {
		t.Fatal(err)
	}
	var plain struct {
		Data []struct{ Embedding []float32 }
	}
	var coded struct{ Data []struct{ Embedding string } }
	if json.Unmarshal(floats, &plain) != nil || json.Unmarshal(packed, &coded) != nil || len(plain.Data) != 2 || len(coded.Data) != 2 {
		t.Fatalf("%s\n%s", floats, packed)
	}
	for i := range plain.Data {
		raw, err := base64.StdEncoding.DecodeString(coded.Data[i].Embedding)
		got := make([]float32, 3)
		if _, bad := binary.Decode(raw, binary.LittleEndian, got); err != nil || bad != nil {
			t.Fatal(err, bad)
		}
		if !slices.Equal(got, vector(i)) || !slices.Equal(plain.Data[i].Embedding, vector(i)) {
			t.Errorf("%d: got %v and %v, want %v", i, got, plain.Data[i].Embedding, vector(i))
		}
	}
}
