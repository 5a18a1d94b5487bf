package echo

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

const (
	// dimensions is how long a vector is where the request does not say.
	dimensions = 1536
	// maxDimensions is how long it may be.
	maxDimensions = 4096
	// maxInputs is how many inputs one call may have (OpenAI's own limit).
	maxInputs = 2048
)

// vector returns a vector of length one that belongs to the text: the same
// text has the same vector, and others have nothing to do with it.
func vector(text string, n int) []float32 {
	random := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(text))))
	v := make([]float64, n)
	var square float64
	for i := range v {
		v[i] = 2*random.Float64() - 1
		square += v[i] * v[i]
	}
	length := math.Sqrt(square)
	out := make([]float32, n)
	for i := range v {
		out[i] = float32(v[i] / length)
	}
	return out
}

// lengthOf is the length that a request asks for.
func lengthOf(n *int, name string) (int, *fault) {
	switch {
	case n == nil:
		return dimensions, nil
	case *n < 1 || *n > maxDimensions:
		return 0, invalid(name, "%s: expected a number from 1 to %d.", name, maxDimensions)
	}
	return *n, nil
}

type embedRequest struct {
	Model      string          `json:"model"`
	Input      json.RawMessage `json:"input"`
	Encoding   string          `json:"encoding_format"`
	Dimensions *int            `json:"dimensions"`
}

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"`
}

// chatEmbed answers OpenAI's /embeddings
// (https://platform.openai.com/docs/api-reference/embeddings).
func chatEmbed(call *adaptors.Call) (any, *fault) {
	var r embedRequest
	if f := decode(call.Body, &r); f != nil {
		return nil, f
	}
	if r.Model == "" {
		return nil, invalid("model", "you must provide a model parameter")
	}
	if r.Encoding != "" && r.Encoding != "float" && r.Encoding != "base64" {
		return nil, invalid("encoding_format", "encoding_format: expected 'float' or 'base64'.")
	}
	n, f := lengthOf(r.Dimensions, "dimensions")
	if f != nil {
		return nil, f
	}
	inputs, tokens, ok := readInputs(r.Input)
	if !ok || len(inputs) == 0 || len(inputs) > maxInputs {
		return nil, invalid("input", "input: expected a text or a list of tokens, or a list of at most %d of either.", maxInputs)
	}
	data := make([]embedding, len(inputs))
	for i, input := range inputs {
		var v any = vector(input, n)
		if r.Encoding == "base64" {
			b := make([]byte, 0, 4*n)
			for _, x := range vector(input, n) {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
			}
			v = base64.StdEncoding.EncodeToString(b)
		}
		data[i] = embedding{"embedding", i, v}
	}
	type usage struct {
		PromptTokens int `json:"prompt_tokens"`
		TotalTokens  int `json:"total_tokens"`
	}
	return struct {
		Object string      `json:"object"`
		Data   []embedding `json:"data"`
		Model  string      `json:"model"`
		Usage  usage       `json:"usage"`
	}{"list", data, r.Model, usage{tokens, tokens}}, nil
}

// readInputs reads what is to be embedded, and counts its tokens. A list of
// tokens stands for itself: it is hashed as it is written.
func readInputs(raw json.RawMessage) (inputs []string, tokens int, ok bool) {
	var texts []string
	var lists [][]int
	if one, ok := as[string](raw); ok {
		texts = []string{one}
	} else if many, ok := as[[]string](raw); ok {
		texts = many
	} else if ids, ok := as[[]int](raw); ok {
		lists = [][]int{ids}
	} else if many, ok := as[[][]int](raw); ok {
		lists = many
	} else {
		return nil, 0, false
	}
	for _, text := range texts {
		if text == "" {
			return nil, 0, false
		}
		inputs, tokens = append(inputs, text), tokens+count(text)
	}
	for _, list := range lists {
		if len(list) == 0 {
			return nil, 0, false
		}
		inputs, tokens = append(inputs, string(encode(list))), tokens+len(list)
	}
	return inputs, tokens, true
}

// as decodes JSON where it is of this type.
func as[T any](raw json.RawMessage) (v T, ok bool) {
	if err := json.Unmarshal(raw, &v); err != nil || string(raw) == "null" {
		return *new(T), false
	}
	return v, true
}

type geminiEmbedRequest struct {
	Content    geminiContent `json:"content"`
	Dimensions *int          `json:"outputDimensionality"`
}

type geminiEmbedding struct {
	Values []float32 `json:"values"`
}

func (r *geminiEmbedRequest) embed() (*geminiEmbedding, *fault) {
	n, f := lengthOf(r.Dimensions, "outputDimensionality")
	if f != nil {
		return nil, f
	}
	var text string
	for _, part := range r.Content.Parts.said {
		text += part
	}
	if text == "" {
		return nil, invalid("content", "content is empty")
	}
	return &geminiEmbedding{vector(text, n)}, nil
}

// geminiEmbed answers Google's embedContent and batchEmbedContents
// (https://ai.google.dev/api/embeddings).
func geminiEmbed(call *adaptors.Call) (any, *fault) {
	if call.Operation == protocol.Embed {
		var r geminiEmbedRequest
		if f := camelCase(call.Body, &r); f != nil {
			return nil, f
		}
		e, f := r.embed()
		if f != nil {
			return nil, f
		}
		return struct {
			Embedding *geminiEmbedding `json:"embedding"`
		}{e}, nil
	}
	var batch struct {
		Requests []geminiEmbedRequest `json:"requests"`
	}
	if f := camelCase(call.Body, &batch); f != nil {
		return nil, f
	}
	if len(batch.Requests) == 0 || len(batch.Requests) > maxInputs {
		return nil, invalid("requests", "BatchEmbedContentsRequest.requests: expected 1 to %d requests", maxInputs)
	}
	all := make([]*geminiEmbedding, len(batch.Requests))
	for i := range batch.Requests {
		e, f := batch.Requests[i].embed()
		if f != nil {
			return nil, f
		}
		all[i] = e
	}
	return struct {
		Embeddings []*geminiEmbedding `json:"embeddings"`
	}{all}, nil
}
