package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

var responsesDialect = dialect{
	name: "responses", vendor: upstream.OpenAI, model: "gpt-5", limited: "gpt-limited",
	connect: func(_ *testing.T, base, key string, client *http.Client, retries int) speaker {
		return responsesSpeaker{newOpenAI(base, key, client, retries)}
	},
	failure: openAIFailure,
}

type responsesSpeaker struct{ client openai.Client }

func (s responsesSpeaker) speak(ctx context.Context, turn turn, streamed bool, seen func(string)) (said, error) {
	items := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage(turn.prompt, responses.EasyInputMessageRoleUser)}
	if turn.before != nil {
		call := turn.before.tools[0]
		output := responses.ResponseInputItemFunctionCallOutputParam{CallID: openai.String(call.ID)}
		output.Output.OfString = openai.String(turn.result)
		items = append(items, responses.ResponseInputItemParamOfFunctionCall(call.Arguments, call.ID, call.Name),
			responses.ResponseInputItemUnionParam{OfFunctionCallOutput: &output})
	}
	params := responses.ResponseNewParams{Model: turn.model, Input: responses.ResponseNewParamsInputUnion{OfInputItemList: items}}
	if turn.tools {
		params.Tools = []responses.ToolUnionParam{responses.ToolParamOfFunction("weather", weatherSchema, false)}
	}
	if !streamed {
		answer, err := s.client.Responses.New(ctx, params)
		if err != nil {
			return said{}, err
		}
		return responsesSaid(answer), nil
	}
	stream := s.client.Responses.NewStreaming(ctx, params)
	defer stream.Close()
	var whole said
	for stream.Next() {
		event := stream.Current()
		switch event.Type {
		case "response.output_text.delta":
			seen(event.Delta)
		case "response.completed":
			whole = responsesSaid(&event.Response)
		case "error":
			return whole, fmt.Errorf("error event %q: %s", event.Code, event.Message)
		}
	}
	return whole, stream.Err()
}

func responsesSaid(answer *responses.Response) said {
	out := said{
		text: answer.OutputText(), finish: string(answer.Status), model: answer.Model,
		input: answer.Usage.InputTokens, output: answer.Usage.OutputTokens,
	}
	for _, item := range answer.Output {
		if item.Type == "function_call" {
			call := item.AsFunctionCall()
			out.tools = append(out.tools, upstream.Tool{ID: call.CallID, Name: call.Name, Arguments: call.Arguments})
		}
	}
	return out
}
