package splice

import "testing"

var testNames = NewNames("model", "stream", "stream_options")

func TestScanFindsValues(t *testing.T) {
	o, err := Scan([]byte(` {"a":[1,{"model":"no"}], "model" : "gpt-5" ,"stream":true} `), testNames, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(o.Value(0)); got != `"gpt-5"` {
		t.Errorf("model = %s", got)
	}
	if got := string(o.Value(1)); got != "true" {
		t.Errorf("stream = %s", got)
	}
	if o.Value(2) != nil {
		t.Errorf("stream_options = %s", o.Value(2))
	}
}
