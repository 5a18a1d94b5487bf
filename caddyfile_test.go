package aiproxy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

var update = flag.Bool("update", false, "write the goldens of testdata/caddyfile anew")

// separator divides a golden's Caddyfile from what it adapts to.
const separator = "----------\n"

// adapt returns what `aiproxy adapt` prints for the Caddyfile, indented.
func adapt(input string) (string, error) {
	raw, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), nil)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "\t"); err != nil {
		return "", err
	}
	return out.String(), nil
}

// goldens runs check with the Caddyfile of every golden of the folder and
// compares what it returns.
func goldens(t *testing.T, folder string, check func(t *testing.T, input string) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "caddyfile", folder, "*.caddyfiletest"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens in %q: %v", folder, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(data), separator)
			got := check(t, input) + "\n"
			if *update {
				if err := os.WriteFile(file, []byte(input+separator+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestCaddyfile(t *testing.T) {
	goldens(t, "", func(t *testing.T, input string) string {
		if formatted := string(caddyfile.Format([]byte(input))); formatted != input {
			t.Errorf("the Caddyfile is not formatted; want\n%s", formatted)
		}
		got, err := adapt(input)
		if err != nil {
			t.Fatal(err)
		}
		again, err := adapt(input)
		if err != nil || again != got {
			t.Errorf("adapted again it differs: %v\n%s", err, again)
		}
		return got
	})
}

// place is where every error of ours says that it is.
var place = regexp.MustCompile(`, at Caddyfile:[1-9][0-9]*( import chain \[.*\])?$`)

// withoutTestGuests takes the guests that other tests of this package register
// out of the lists in errors.
var withoutTestGuests = strings.NewReplacer(", witness", "")

func TestCaddyfileErrors(t *testing.T) {
	goldens(t, "errors", func(t *testing.T, input string) string {
		got, err := adapt(input)
		if err == nil {
			t.Fatalf("no error; got\n%s", got)
		}
		if !place.MatchString(err.Error()) {
			t.Errorf("the error does not end with its place: %v", err)
		}
		return withoutTestGuests.Replace(err.Error())
	})
}

// TestCaddyfileIsPure shows that the environment does not go into the JSON.
func TestCaddyfileIsPure(t *testing.T) {
	t.Setenv("AIPROXY_TEST_KEY", "the-key-itself")
	got, err := adapt("{\n\taiproxy {\n\t\tsecret {env.AIPROXY_TEST_KEY}\n\t\tchannel c {\n\t\t\tadaptor openai\n" +
		"\t\t\tmodels m\n\t\t\tkey {env.AIPROXY_TEST_KEY}\n\t\t}\n\t}\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, "the-key-itself") || strings.Count(got, "{env.AIPROXY_TEST_KEY}") != 2 {
		t.Errorf("placeholders do not stay as they are:\n%s", got)
	}
}

// TestCaddyfileImport shows that snippets serve inside the blocks, and that an
// error in one names the place where it stands and who imports it.
func TestCaddyfileImport(t *testing.T) {
	config := func(weight string) string {
		return "{\n\taiproxy {\n\t\tchannel c {\n\t\t\timport account " + weight + "\n\t\t}\n\t}\n}\n"
	}
	snippet := "(account) {\n\tadaptor openai\n\tmodels m\n\tweight {args[0]}\n}\n"
	for _, c := range []struct{ input, want string }{
		{snippet + config("7"), ""},
		{snippet + config("many"), `weight: expected a whole number from 1 to 1000000, got "many"`},
	} {
		got, err := adapt(c.input)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.input, err)
		case c.want == "" && !strings.Contains(got, `"weight": 7`):
			t.Errorf("the snippet's setting is lost:\n%s", got)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "import chain")):
			t.Errorf("got %v, want %q with the import chain", err, c.want)
		}
	}
}

// TestCaddyfileFieldNames shows that the strict decoder of the load takes all
// that the grammar writes: each golden's app and handlers decode again.
func TestCaddyfileFieldNames(t *testing.T) {
	goldens(t, "", func(t *testing.T, input string) string {
		got, err := adapt(input)
		if err != nil {
			t.Fatal(err)
		}
		var config struct {
			Apps struct {
				Aiproxy json.RawMessage `json:"aiproxy"`
			} `json:"apps"`
		}
		if err := json.Unmarshal([]byte(got), &config); err != nil {
			t.Fatal(err)
		}
		if config.Apps.Aiproxy != nil {
			if err := caddy.StrictUnmarshalJSON(config.Apps.Aiproxy, new(App)); err != nil {
				t.Error(err)
			}
		}
		return got
	})
}

func TestExampleIsFormatted(t *testing.T) {
	example, err := os.ReadFile("Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if formatted := caddyfile.Format(example); !bytes.Equal(formatted, example) {
		t.Errorf("`caddy fmt` changes Caddyfile.example to\n%s", formatted)
	}
	if _, err := adapt(string(example)); err != nil {
		t.Error(err)
	}
}
