package upstream

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

var embeddingsFields = fields{
	required: []string{"input", "model"},
	known: union(
		among(aString|anArray, "input"),
		among(aString, "model", "encoding_format", "user"),
		among(anInteger, "dimensions"),
	),
}

func checkEmbeddings(body map[string]json.RawMessage) *refusal {
	if inputs(body) == 0 {
		return invalidOpenAI(400, "empty_array", "input", "Invalid 'input': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	return nil
}

// inputs is how many texts are to be embedded.
func inputs(body map[string]json.RawMessage) int {
	if shapeOf(body["input"]) == aString {
		return 1
	}
	var list []json.RawMessage
	_ = json.Unmarshal(body["input"], &list)
	return len(list)
}

// vector is the embedding of the text at a position: distinct, and exact in
// 32 bits.
func vector(i int) []float32 { return []float32{0.5, -0.25, float32(i)} }

func vectorJSON(i int) string {
	encoded, _ := json.Marshal(vector(i))
	return string(encoded)
}

// vectorBase64 is what encoding_format base64 asks for: little-endian floats.
func vectorBase64(i int) string {
	all, _ := binary.Append(nil, binary.LittleEndian, vector(i))
	return quote(base64.StdEncoding.EncodeToString(all))
}

func embeddingsOperation(model string, body map[string]json.RawMessage) *operation {
	one := vectorJSON
	if text(body["encoding_format"]) == "base64" {
		one = vectorBase64
	}
	return &operation{body: func(r Reply) []byte {
		data := ""
		for i := range inputs(body) {
			data += fmt.Sprintf(`%s{"object":"embedding","index":%d,"embedding":%s}`, comma(i), i, one(i))
		}
		input, _ := r.usage()
		return fmt.Appendf(nil, `{"object":"list","data":[%s],"model":%s,"usage":{"prompt_tokens":%d,"total_tokens":%[3]d}}`+"\n", data, quote(model), input)
	}}
}
