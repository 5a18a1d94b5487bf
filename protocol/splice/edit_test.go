package splice

import "testing"

func scanned(t *testing.T, body string) Object {
	t.Helper()
	o, err := Scan([]byte(body), testNames, 0)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestSet(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{"model":"a"}`, `{"model":"gpt"}`},
		{`{"x":1, "model" : {"a":[1]} ,"y":2}`, `{"x":1, "model" : "gpt" ,"y":2}`},
		{`{"model":null,"stream":true}`, `{"model":"gpt","stream":true}`},
	}
	for _, tt := range tests {
		o := scanned(t, tt.body)
		if got := string(Apply(o.Body, o.Set(0, `"gpt"`))); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.body, got, tt.want)
		}
	}
}

func TestAdd(t *testing.T) {
	tests := []struct{ body, want string }{
		{`{}`, `{"k":[1]}`},
		{` { } `, ` { "k":[1]} `},
		{`{"a":1}`, `{"a":1,"k":[1]}`},
		{"{\n  \"a\": {}\n}\n", "{\n  \"a\": {},\"k\":[1]\n}\n"},
		{`{"a":"}"}`, `{"a":"}","k":[1]}`},
	}
	for _, tt := range tests {
		o := scanned(t, tt.body)
		if got := string(Apply(o.Body, o.Add(`"k"`, "[1]"))); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.body, got, tt.want)
		}
	}
}

func TestCut(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"only", `{"model":1}`, `{}`},
		{"only, white space", ` { "model" : 1 } `, ` {  } `},
		{"first", `{"model":1,"b":2}`, `{"b":2}`},
		{"first, white space", "{ \"model\"\n: 1 ,\n \"b\": 2 }", `{ "b": 2 }`},
		{"middle", `{"a":1,"model":2,"c":3}`, `{"a":1,"c":3}`},
		{"middle, white space", `{ "a": 1 , "model" : 2 , "c": 3 }`, `{ "a": 1  , "c": 3 }`},
		{"last", `{"a":1,"model":2}`, `{"a":1}`},
		{"last, white space", `{"a":1 , "model":2 }`, `{"a":1  }`},
		{"object", `{"a":1,"model":{"b":[1,2]},"c":","}`, `{"a":1,"c":","}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := scanned(t, tt.body)
			if got := string(Apply(o.Body, o.Cut(0))); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCutInsideSub(t *testing.T) {
	o := scanned(t, `{"stream_options":{"include_usage":true}}`)
	s, err := o.Sub(2, NewNames("include_usage"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(Apply(o.Body, s.Cut(0))), `{"stream_options":{}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestApplyOrder(t *testing.T) {
	o := scanned(t, `{"stream":false,"x":"y","model":"a"}`)
	want := `{"stream":true,"x":"y","model":"b","k":1,"l":2}`
	set, stream, k, l := o.Set(0, `"b"`), o.Set(1, "true"), o.Add(`"k"`, "1"), o.Add(`"l"`, "2")
	for _, edits := range [][]Edit{{set, stream, k, l}, {k, l, set, stream}, {k, stream, l, set}} {
		if got := string(Apply(o.Body, edits...)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got, want := string(Apply(o.Body, o.Cut(0), o.Add(`"k"`, "1"))), `{"stream":false,"x":"y","k":1}`; got != want {
		t.Errorf("cut the last and add: got %s, want %s", got, want)
	}
}

func TestApplyAllocatesOnce(t *testing.T) {
	o := scanned(t, `{"stream":false,"x":"y","model":"a"}`)
	set, stream := o.Set(0, `"b"`), o.Set(1, "true")
	if n := testing.AllocsPerRun(100, func() {
		if len(Apply(o.Body, set, stream)) != len(o.Body)-1 {
			t.Error("wrong length")
		}
	}); n != 1 {
		t.Errorf("Apply allocates %v times, want once", n)
	}
}

func TestApplyLeavesBodyAlone(t *testing.T) {
	body := []byte(`{"model":"a","stream":true}`)
	o := scanned(t, string(body))
	out := Apply(o.Body, o.Set(0, `"other"`), o.Cut(1))
	for i := range out {
		out[i] = 'x'
	}
	if string(o.Body) != string(body) {
		t.Errorf("body is now %s", o.Body)
	}
	// what Value returns cannot be grown into the body either
	_ = append(o.Value(0), "overwritten"...)
	if string(o.Body) != string(body) {
		t.Errorf("body is now %s", o.Body)
	}
}

func TestMisuseIsLoud(t *testing.T) {
	o := scanned(t, `{"model":"a"}`)
	for name, f := range map[string]func(){
		"set of an absent member": func() { o.Set(1, "1") },
		"cut of an absent member": func() { o.Cut(1) },
		"overlap":                 func() { Apply(o.Body, o.Set(0, "1"), o.Cut(0)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
