package protocol

// Usage is what one call consumed, in tokens, the same for every protocol. The
// vendors count differently: OpenAI and Google count cached input inside the
// input, Anthropic beside it; OpenAI and Anthropic count reasoning inside the
// output, Google beside it. Here each number contains its parts.
//
// Sources: https://platform.openai.com/docs/api-reference/chat/object,
// https://platform.openai.com/docs/api-reference/responses/object,
// https://docs.claude.com/en/api/messages,
// https://ai.google.dev/api/generate-content#UsageMetadata.
type Usage struct {
	// Input is all input: fresh, read from a cache, and written to one.
	Input int64
	// CachedInput is the part of Input that was read from a cache.
	CachedInput int64
	// CacheWrite is the part of Input that was written to a cache, and
	// CacheWrite1h the part of CacheWrite that is kept for an hour.
	CacheWrite, CacheWrite1h int64
	// Output is all output, reasoning included.
	Output int64
	// Reasoning is the part of Output that was reasoning.
	Reasoning int64
	// InputAudio, InputImage, OutputAudio and OutputImage are the parts of Input
	// and Output of that modality, where the upstream says so.
	InputAudio, InputImage, OutputAudio, OutputImage int64
	// Estimated says that some number was counted by us, not by the upstream.
	Estimated bool
}

// Zero says whether nothing was counted.
func (u Usage) Zero() bool { return u == Usage{} }
