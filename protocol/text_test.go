package protocol_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// prompts are requests, their pieces of text, parted by '|', and their items.
var prompts = []struct {
	p     protocol.Protocol
	op    protocol.Operation
	body  string
	want  string
	items int
}{
	{protocol.Chat, protocol.Generate, `{"model":"m","messages":[{"role":"system","content":"Be \"brief\".\n"},{"role":"user","name":"ann","content":"Hi \u00e9"}],"user":"u"}`,
		"Be \"brief\".\n|ann|Hi é", 2},
	{protocol.Chat, protocol.Generate, `{"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},
		{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}},{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}},
		{"type":"file","file":{"filename":"a.pdf","file_data":"JVBERi0="}}]}]}`, "What is it?", 1},
	{protocol.Chat, protocol.Generate, `{"messages":[{"role":"assistant","content":null,"reasoning_content":"Hm","reasoning":"Hm","refusal":"no",
		"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},{"type":"custom","custom":{"name":"sql","input":"select 1"}}]},
		{"role":"tool","tool_call_id":"call_1","content":"sunny"},{"role":"tool","content":[{"type":"text","text":"dry"}]}]}`,
		`Hm|no|weather|{"city":"Paris"}|sql|select 1|sunny|dry`, 3},
	{protocol.Chat, protocol.Generate, `{"tools":[{"type":"function","function":{"name":"weather","description":"tells","parameters":{ "type": "object", "properties": {"city": {"type": "string"}} },"strict":true}},
		{"type":"custom","custom":{"name":"sql","description":"asks","format":{"type":"text"}}},{"type":"web_search"}],"functions":[{"name":"old","parameters":{}}],
		"response_format":{"type":"json_schema","json_schema":{"name":"out","schema":{"type":"object"}}},"tool_choice":"auto","prediction":{"type":"content","content":"likely"},"messages":[]}`,
		`weather|tells|{"type":"object","properties":{"city":{"type":"string"}}}|sql|asks|{"type":"text"}|old|out|{"type":"object"}|likely`, 4},
	{protocol.Chat, protocol.Generate, `{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"Hi"}],"audio":{"id":"a"}}]}`, "Hm|Hi", 1},
	{protocol.Chat, protocol.Embed, `{"model":"m","input":"one"}`, "one", 0},
	{protocol.Chat, protocol.Embed, `{"input":["one","two"],"model":"m"}`, "one|two", 0},
	{protocol.Chat, protocol.Embed, `{"input":[[1,2],[3]],"model":"m"}`, "", 0},
	{protocol.Chat, protocol.Generate, `{"messages":[{"content":"one"},{"content":"tw`, "one|tw", 2},
	{protocol.Chat, protocol.Generate, `not JSON`, "", 0},

	{protocol.Responses, protocol.Generate, `{"model":"m","instructions":"Be brief.","input":"Hi","metadata":{"text":"no"}}`, "Be brief.|Hi", 1},
	{protocol.Responses, protocol.Generate, `{"input":[{"role":"user","content":"one"},{"type":"message","role":"user","content":[{"type":"input_text","text":"two"},
		{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="},{"type":"input_file","file_data":"JVBERi0=","filename":"a.pdf"}]},
		{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"short"}],"content":[{"type":"reasoning_text","text":"long"}],"encrypted_content":"gAAA"},
		{"type":"function_call","call_id":"c","name":"weather","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"sunny"},
		{"type":"function_call_output","output":[{"type":"input_text","text":"dry"},{"type":"input_image","image_url":"data:x"}]},{"type":"item_reference","id":"msg_1"}]}`,
		"one|two|short|long|weather|{}|sunny|dry", 7},
	{protocol.Responses, protocol.Generate, `{"input":[{"type":"custom_tool_call","name":"sql","input":"select"},{"type":"custom_tool_call_output","output":"1"},
		{"type":"code_interpreter_call","code":"print(1)","outputs":[{"type":"logs","logs":"1"},{"type":"image","url":"data:x"}]},{"type":"file_search_call","queries":["a","b"],"results":[{"text":"found","score":1}]},
		{"type":"local_shell_call","action":{"type":"exec","command":["ls"]}},{"type":"shell_call_output","output":[{"stdout":"out","stderr":"err","outcome":{}}]},
		{"type":"image_generation_call","result":"iVBORw0KGgo="},{"type":"computer_call_output","output":{"type":"computer_screenshot","image_url":"data:x"}}]}`,
		`sql|select|1|print(1)|1|a|b|found|{"type":"exec","command":["ls"]}|out|err`, 8},
	{protocol.Responses, protocol.Generate, `{"tools":[{"type":"function","name":"weather","description":"tells","parameters":{"type": "object"},"strict":true},{"type":"web_search"},
		{"type":"namespace","name":"crm","tools":[{"type":"function","name":"find","parameters":{"a":1}}]}],"text":{"format":{"type":"json_schema","name":"out","schema":{"b":2}}}}`,
		`weather|tells|{"type":"object"}|crm|find|{"a":1}|out|{"b":2}`, 4},

	{protocol.Messages, protocol.Generate, `{"model":"m","system":"Be brief.","messages":[{"role":"user","content":"Hi"}],"metadata":{"user_id":"u"},"stop_sequences":["x"]}`, "Be brief.|Hi", 1},
	{protocol.Messages, protocol.CountTokens, `{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"See"},
		{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},{"type":"document","title":"T","context":"C","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}},
		{"type":"document","source":{"media_type":"text/plain","data":"plain text","type":"text"}},{"type":"document","source":{"type":"content","content":[{"type":"text","text":"block"}]}},
		{"type":"document","source":{"type":"url","url":"https://example.com"}},{"type":"search_result","source":"https://example.com","title":"S","content":[{"type":"text","text":"found"}]}]}]}`,
		"Be brief.|See|T|C|plain text|block|S|found", 1},
	{protocol.Messages, protocol.Generate, `{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":"EqoB"},{"type":"redacted_thinking","data":"EmwK"},
		{"type":"tool_use","id":"t","name":"weather","input":{"city": "Paris"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"sunny"},
		{"type":"tool_result","content":[{"type":"text","text":"dry"},{"type":"image","source":{"type":"base64","data":"iVBORw0KGgo="}}]}]}],
		"tools":[{"name":"weather","description":"tells","input_schema":{"type": "object"}},{"type":"bash_20250124","name":"bash"}]}`,
		`Hm|weather|{"city":"Paris"}|sunny|dry|weather|tells|{"type":"object"}|bash`, 4},

	{protocol.Gemini, protocol.Generate, `{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"Hi"},{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}},
		{"fileData":{"fileUri":"gs://x"}}]},{"role":"model","parts":[{"text":"Hm","thought":true,"thoughtSignature":"Cs8B"},{"functionCall":{"name":"weather","args":{"city": "Paris"}}}]},
		{"role":"user","parts":[{"functionResponse":{"name":"weather","response":{"output": "sunny"}}}]}],
		"tools":[{"functionDeclarations":[{"name":"weather","description":"tells","parameters":{"type": "OBJECT"}},{"name":"b","parametersJsonSchema":{"a":1}}]},{"googleSearch":{}}],
		"generationConfig":{"responseSchema":{"type":"STRING"},"temperature":1}}`,
		`Be brief.|Hi|Hm|weather|{"city":"Paris"}|weather|{"output":"sunny"}|weather|tells|{"type":"OBJECT"}|b|{"a":1}|{"type":"STRING"}`, 5},
	{protocol.Gemini, protocol.Generate, `{"system_instruction":{"parts":{"text":"s"}},"contents":{"parts":[{"function_call":{"name":"f","args":{"a":1}}},{"executable_code":{"code":"c","language":"PYTHON"}},
		{"code_execution_result":{"outcome":"OK","output":"o"}}]},"tools":{"function_declarations":[{"name":"g"}]}}`, `s|f|{"a":1}|c|o|g`, 2},
	{protocol.Gemini, protocol.Embed, `{"content":{"parts":[{"text":"one"},{"text":"two"}]}}`, "one|two", 0},
	{protocol.Gemini, protocol.BatchEmbed, `{"requests":[{"model":"models/m","content":{"parts":[{"text":"one"}]}},{"content":{"parts":[{"text":"two"}]}}]}`, "one|two", 0},
	{protocol.Gemini, protocol.CountTokens, `{"generateContentRequest":{"model":"models/m","contents":[{"parts":[{"text":"one"}]}]}}`, "one", 1},
}

func TestPrompt(t *testing.T) {
	for _, test := range prompts {
		var got []string
		items := codecs[test.p].Prompt(test.op, []byte(test.body), func(piece []byte) { got = append(got, string(piece)) })
		if diff := cmp.Diff(test.want, strings.Join(got, "|")); diff != "" || items != test.items {
			t.Errorf("%s %s: %d items, expected %d, -want +got:\n%s", test.p, test.body, items, test.items, diff)
		}
	}
}

func TestAnswerText(t *testing.T) {
	for _, test := range []struct {
		p          protocol.Protocol
		op         protocol.Operation
		body, want string
	}{
		{protocol.Chat, protocol.Generate, `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hi \"you\"","reasoning":"Hm","refusal":null,"annotations":[],
			"tool_calls":[{"id":"c","function":{"name":"weather","arguments":"{}"}}]},"finish_reason":"stop"},{"message":{"content":"two","audio":{"data":"UklGRg==","transcript":"said"}}}],"usage":{}}`,
			`Hi "you"|Hm|weather|{}|two|said`},
		{protocol.Chat, protocol.Embed, `{"data":[{"embedding":[0.5]}],"choices":[{"message":{"content":"no"}}]}`, ""},
		{protocol.Chat, protocol.Generate, `{"choices":[{"message":{"content":"cut o`, "cut o"},
		{protocol.Responses, protocol.Generate, `{"output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"gAAA"},
			{"type":"message","content":[{"type":"output_text","text":"Hi","annotations":[{"title":"no"}]},{"type":"refusal","refusal":"no"}]},{"type":"function_call","name":"weather","arguments":"{}"},
			{"type":"mcp_call","name":"find","arguments":"{\"a\":1}","output":"is input"},{"type":"code_interpreter_call","code":"1","outputs":[{"logs":"is input"}]}],"instructions":"no"}`,
			`Hm|Hi|no|weather|{}|find|{"a":1}|1`},
		{protocol.Messages, protocol.Generate, `{"content":[{"type":"thinking","thinking":"Hm","signature":"EqoB"},{"type":"text","text":"Hi","citations":[{"cited_text":"no"}]},
			{"type":"server_tool_use","name":"web_search","input":{"query":"q"}},{"type":"web_search_tool_result","content":[{"title":"is input"}]},{"type":"tool_use","name":"weather","input":{}}]}`,
			`Hm|Hi|web_search|{"query":"q"}|weather`},
		{protocol.Messages, protocol.CountTokens, `{"input_tokens":1,"content":"no"}`, ""},
		{protocol.Gemini, protocol.Generate, `{"candidates":[{"content":{"parts":[{"text":"Hm","thought":true},{"text":"Hi"},{"functionCall":{"name":"weather","args":{"city":"Paris"}}},{"inlineData":{"data":"iVBO"}}],"role":"model"},
			"citationMetadata":{"text":"no"}},{"content":{"parts":[{"text":"two"}]}}],"usageMetadata":{"promptTokenCount":1}}`, `Hm|Hi|weather|{"city":"Paris"}|two`},
		{protocol.Gemini, protocol.Embed, `{"embedding":{"values":[1]}}`, ""},
	} {
		var got []string
		codecs[test.p].AnswerText(test.op, []byte(test.body), func(piece []byte) { got = append(got, string(piece)) })
		if diff := cmp.Diff(test.want, strings.Join(got, "|")); diff != "" {
			t.Errorf("%s %s: -want +got:\n%s", test.p, test.body, diff)
		}
	}
}

// TestText reads recordings as the relay does and keeps the text of their
// events of content.
func TestText(t *testing.T) {
	for name, want := range map[string]string{
		"chat-openai":            `Hello \"error\": [DONE] \"finish_reason\":\"stop\"`,
		"chat-edited":            `Hello \"error\": [DONE] \"finish_reason\":\"stop\"`,
		"chat-usage-every-chunk": `Hi there`,
		"chat-reasoning":         `HmHi`,
		"chat-tools":             `weather{\"city\":\"Paris\"}weather{}`,
		"chat-google":            `Hi there`,
		"chat-two-choices":       `ab`,
		"chat-odd":               `no spacelinesother modeltwicenestedescaped`,
		"chat-shapes":            `whole`,
		"responses-tool":         `weather{}`,
		"responses-usage":        `Hi`,
		"responses-unnamed":      `Hino`,
		"messages-text":          `Hello!`,
		"messages-tools":         `weather`,
		"gemini-text":            `Hello \"finishReason\": \"error\"`,
		"gemini-mapped":          `Hello \"finishReason\": \"error\"`,
		"gemini-tools":           `thinkingweather{"index": 3}`,
		"gemini-array":           `Hello`,
		"gemini-two-candidates":  `a`,
	} {
		for _, end := range []string{"\n", "\r\n"} {
			rec := record(t, "testdata/streams/"+name+".txt")
			rec.body = []byte(strings.ReplaceAll(string(rec.body), "\n", end))
			stream, events := rec.codec.Stream(rec.edits, rec.array), rec.events()
			var text []byte
			for {
				raw, err := events.Next()
				if err != nil {
					break
				}
				if _, class := stream.Event(raw); class == protocol.Content {
					text = stream.Text(text, raw)
				}
			}
			if diff := cmp.Diff(want, string(text)); diff != "" {
				t.Errorf("%s: -want +got:\n%s", name, diff)
			}
		}
	}
}

func TestTextOfEvents(t *testing.T) {
	for _, test := range []struct {
		p           protocol.Protocol
		event, want string
	}{
		{protocol.Chat, `data: {"choices":[{"index":1,"delta":{"reasoning_content":"Hm","reasoning":"Hm","content":""}}]}`, `Hm`},
		{protocol.Chat, `data: {"choices":[{"delta":{"audio":{"data":"UklGRg==","transcript":"said"}}},{"delta":{"refusal":"no"}},{"text":"old"}]}`, `saidnoold`},
		{protocol.Chat, `data: [DONE]`, ``},
		{protocol.Chat, `: ping`, ``},
		{protocol.Responses, "event: response.audio.delta\n" + `data: {"type":"response.audio.delta","delta":"UklGRg=="}`, ``},
		{protocol.Responses, `data: {"type":"response.audio.delta","delta":"UklGRg=="}`, ``},
		{protocol.Responses, "event: response.output_text.done\n" + `data: {"type":"response.output_text.done","text":"again","delta":"x"}`, ``},
		{protocol.Responses, "event: response.refusal.delta\n" + `data: {"type":"response.refusal.delta", "delta" : "no"}`, `no`},
		{protocol.Responses, "event: response.refusal.delta\n" + `data: {"delta":"no"}`, `no`},
		{protocol.Responses, "event: response.output_item.added\n" + `data: {"type":"response.output_item.added","item":{"type":"function_call","name":"weather","arguments":""}}`, `weather`},
		{protocol.Responses, "event: response.output_item.done\n" + `data: {"type":"response.output_item.done","item":{"type":"function_call","name":"weather","arguments":"{}"}}`, ``},
		{protocol.Responses, `data: {"type":"response.x.delta","delta":{"text":"no"}}`, ``},
		{protocol.Messages, "event: content_block_delta\n" + `data: {"delta": {"type":"signature_delta","signature":"EqoB"}}`, ``},
		{protocol.Messages, "event: content_block_delta\n" + `data: {"delta": {"type":"input_json_delta","partial_json":"{\"a"}}`, `{\"a`},
		{protocol.Messages, `data: {"type":"content_block_start","content_block":{"type":"tool_use","name":"weather","input":{"a":1}}}`, `weather{"a":1}`},
		{protocol.Messages, `data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}`, ``},
		{protocol.Gemini, `data: {"candidates": [{"content": {"parts": [{"executableCode": {"language":"PYTHON","code":"1"}}]}}]}`, `1`},
		{protocol.Gemini, `data: {"usageMetadata": {"promptTokenCount": 4}}`, ``},
	} {
		raw := []byte(test.event + "\n\n")
		stream := codecs[test.p].Stream(protocol.Edits{}, false)
		stream.Event(raw)
		if got := stream.Text([]byte("so far: "), raw); string(got) != "so far: "+test.want {
			t.Errorf("%s %s: %s", test.p, test.event, got)
		}
	}
}

// Text that comes in pieces reads as one, even where a character was cut apart.
func TestTextAcrossEvents(t *testing.T) {
	stream := codecs[protocol.Chat].Stream(protocol.Edits{}, false)
	var text []byte
	for _, s := range []string{`a\ud83d`, `\ude00b`} {
		raw := []byte(`data: {"choices":[{"index":0,"delta":{"content":"` + s + `"},"finish_reason":null}]}` + "\n\n")
		stream.Event(raw)
		text = stream.Text(text, raw)
	}
	if got := splice.Unescape(nil, text); string(got) != "a\U0001f600b" {
		t.Errorf("read %q", got)
	}
}
