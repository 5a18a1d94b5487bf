package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"google.golang.org/genai"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

var geminiDialect = dialect{
	name: "gemini", vendor: upstream.Gemini, model: "gemini-2.5-flash", limited: "gemini-limited",
	connect: func(t *testing.T, base, key string, client *http.Client, _ int) speaker {
		return geminiSpeaker{newGemini(t, base, key, client)}
	},
	failure: func(err error) (int, string, string) {
		var typed genai.APIError
		if !errors.As(err, &typed) {
			return 0, "", err.Error()
		}
		return typed.Code, typed.Status, typed.Message
	},
}

func newGemini(t *testing.T, base, key string, client *http.Client) *genai.Client {
	t.Helper()
	c, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		APIKey: key, Backend: genai.BackendGeminiAPI, HTTPClient: client, HTTPOptions: genai.HTTPOptions{BaseURL: base},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type geminiSpeaker struct{ client *genai.Client }

func (s geminiSpeaker) speak(ctx context.Context, turn turn, streamed bool, seen func(string)) (said, error) {
	contents := []*genai.Content{genai.NewContentFromText(turn.prompt, genai.RoleUser)}
	config := &genai.GenerateContentConfig{}
	if turn.tools {
		config.Tools = []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{
			Name: "weather", Description: "the weather of a city", ParametersJsonSchema: weatherSchema,
		}}}}
	}
	if turn.before != nil {
		contents = append(contents, turn.before.native.(*genai.Content),
			genai.NewContentFromFunctionResponse("weather", map[string]any{"output": turn.result}, genai.RoleUser))
	}
	if !streamed {
		answer, err := s.client.Models.GenerateContent(ctx, turn.model, contents, config)
		if err != nil {
			return said{}, err
		}
		var whole said
		geminiSaid(&whole, answer)
		return whole, nil
	}
	var whole said
	for chunk, err := range s.client.Models.GenerateContentStream(ctx, turn.model, contents, config) {
		if err != nil {
			return whole, err
		}
		before := len(whole.text)
		geminiSaid(&whole, chunk)
		if len(whole.text) > before {
			seen(whole.text[before:])
		}
	}
	return whole, nil
}

// geminiSaid adds an answer, or one chunk of it.
func geminiSaid(to *said, answer *genai.GenerateContentResponse) {
	to.model = answer.ModelVersion
	if u := answer.UsageMetadata; u != nil {
		to.input, to.output = int64(u.PromptTokenCount), int64(u.CandidatesTokenCount)
	}
	if len(answer.Candidates) == 0 || answer.Candidates[0].Content == nil {
		return
	}
	candidate := answer.Candidates[0]
	to.finish = string(candidate.FinishReason)
	if to.native == nil {
		to.native = &genai.Content{Role: genai.RoleModel}
	}
	content := to.native.(*genai.Content)
	for _, part := range candidate.Content.Parts {
		to.text += part.Text
		if part.FunctionCall != nil {
			arguments, _ := json.Marshal(part.FunctionCall.Args)
			to.tools = append(to.tools, upstream.Tool{ID: part.FunctionCall.ID, Name: part.FunctionCall.Name, Arguments: string(arguments)})
			content.Parts = append(content.Parts, part)
		}
	}
}
