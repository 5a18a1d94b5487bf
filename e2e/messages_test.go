package e2e

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

var messagesDialect = dialect{
	name: "messages", vendor: upstream.Anthropic, model: "claude-sonnet-4-5", limited: "claude-limited",
	connect: func(_ *testing.T, base, key string, client *http.Client, retries int) speaker {
		return messagesSpeaker{newAnthropic(base, key, client, retries)}
	},
	failure: func(err error) (int, string, string) {
		var typed *anthropic.Error
		if !errors.As(err, &typed) {
			return 0, "", err.Error()
		}
		return typed.StatusCode, string(typed.Type()), typed.RawJSON()
	},
}

func newAnthropic(base, key string, client *http.Client, retries int) anthropic.Client {
	options := []option.RequestOption{option.WithoutEnvironmentDefaults(), option.WithBaseURL(base), option.WithAPIKey(key), option.WithHTTPClient(client)}
	if retries >= 0 {
		options = append(options, option.WithMaxRetries(retries))
	}
	return anthropic.NewClient(options...)
}

type messagesSpeaker struct{ client anthropic.Client }

func (s messagesSpeaker) speak(ctx context.Context, turn turn, streamed bool, seen func(string)) (said, error) {
	params := anthropic.MessageNewParams{
		Model:     turn.model,
		MaxTokens: 1024,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(turn.prompt))},
	}
	if turn.tools {
		params.Tools = []anthropic.ToolUnionParam{anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{
			Properties: weatherSchema["properties"], Required: []string{"city"},
		}, "weather")}
	}
	if turn.before != nil {
		params.Messages = append(params.Messages,
			turn.before.native.(anthropic.Message).ToParam(),
			anthropic.NewUserMessage(anthropic.NewToolResultBlock(turn.before.tools[0].ID, turn.result, false)))
	}
	if !streamed {
		answer, err := s.client.Messages.New(ctx, params)
		if err != nil {
			return said{}, err
		}
		return messagesSaid(*answer), nil
	}
	stream := s.client.Messages.NewStreaming(ctx, params)
	defer stream.Close()
	var whole anthropic.Message
	for stream.Next() {
		event := stream.Current()
		if err := whole.Accumulate(event); err != nil {
			return said{}, err
		}
		if event.Delta.Text != "" {
			seen(event.Delta.Text)
		}
	}
	return messagesSaid(whole), stream.Err()
}

func messagesSaid(answer anthropic.Message) said {
	out := said{
		finish: string(answer.StopReason), model: answer.Model, native: answer,
		input: answer.Usage.InputTokens, output: answer.Usage.OutputTokens,
	}
	for _, block := range answer.Content {
		switch block.Type {
		case "text":
			out.text += block.Text
		case "tool_use":
			out.tools = append(out.tools, upstream.Tool{ID: block.ID, Name: block.Name, Arguments: string(block.Input)})
		}
	}
	return out
}
