package e2e

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

var chatDialect = dialect{
	name: "chat", vendor: upstream.OpenAI, model: "gpt-5", limited: "gpt-limited",
	connect: func(_ *testing.T, base, key string, client *http.Client, retries int) speaker {
		return chatSpeaker{newOpenAI(base, key, client, retries)}
	},
	failure: openAIFailure,
}

func newOpenAI(base, key string, client *http.Client, retries int) openai.Client {
	options := []option.RequestOption{option.WithBaseURL(base + "/v1"), option.WithAPIKey(key), option.WithHTTPClient(client)}
	if retries >= 0 {
		options = append(options, option.WithMaxRetries(retries))
	}
	return openai.NewClient(options...)
}

func openAIFailure(err error) (int, string, string) {
	var typed *openai.Error
	if !errors.As(err, &typed) {
		return 0, "", err.Error()
	}
	return typed.StatusCode, typed.Type, typed.Message
}

type chatSpeaker struct{ client openai.Client }

func (s chatSpeaker) speak(ctx context.Context, turn turn, streamed bool, seen func(string)) (said, error) {
	params := openai.ChatCompletionNewParams{
		Model:    turn.model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(turn.prompt)},
	}
	if turn.tools {
		params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
			Name: "weather", Description: openai.String("the weather of a city"), Parameters: weatherSchema,
		})}
	}
	if turn.before != nil {
		params.Messages = append(params.Messages,
			turn.before.native.(openai.ChatCompletionMessage).ToParam(),
			openai.ToolMessage(turn.result, turn.before.tools[0].ID))
	}
	if !streamed {
		answer, err := s.client.Chat.Completions.New(ctx, params)
		if err != nil {
			return said{}, err
		}
		return chatSaid(answer), nil
	}
	params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := s.client.Chat.Completions.NewStreaming(ctx, params)
	defer stream.Close()
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		chunk := stream.Current()
		whole.AddChunk(chunk)
		if len(chunk.Choices) > 0 && chunk.Choices[0].Delta.Content != "" {
			seen(chunk.Choices[0].Delta.Content)
		}
	}
	return chatSaid(&whole.ChatCompletion), stream.Err()
}

func chatSaid(answer *openai.ChatCompletion) said {
	out := said{model: answer.Model, input: answer.Usage.PromptTokens, output: answer.Usage.CompletionTokens}
	if len(answer.Choices) == 0 {
		return out
	}
	choice := answer.Choices[0]
	out.text, out.finish, out.native = choice.Message.Content, choice.FinishReason, choice.Message
	for _, call := range choice.Message.ToolCalls {
		out.tools = append(out.tools, upstream.Tool{ID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments})
	}
	return out
}
