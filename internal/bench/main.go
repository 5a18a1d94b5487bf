// Command bench compares the gateway with Caddy's own reverse_proxy, in the
// same binary, on this machine, in one interleaved run, and says which of the
// project's goals are met. See docs/measured.
//
//	go run ./internal/bench -out docs/measured
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/mock"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/report"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/subject"
)

// longest bounds a run, whatever its flags say.
const longest = time.Hour

func main() {
	log.SetFlags(log.Ltime)
	log.SetPrefix("bench: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	var err error
	if len(os.Args) == 2 && os.Args[1] == "mock" {
		err = serveMock()
	} else {
		var o options
		if o, err = parse(os.Args[1:]); err == nil {
			err = bench(ctx, o, os.Stdout)
		}
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Print(err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	settings
	cases          []*benchCase
	kinds          []subject.Kind
	binary, out    string
	cpuFile, heapF string
}

func parse(args []string) (o options, err error) {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := fs.Int("rounds", 0, "rounds of each case (default 5; 1 with -short)")
	duration := fs.Duration("duration", 0, "measured time of a load (default 4s; 1s with -short)")
	streams := fs.Int("streams", 0, "slow streams at once (default 2000; 200 with -short)")
	requests := fs.Int("requests", 0, "requests of the memory case (default 200000; 10000 with -short)")
	isShort := fs.Bool("short", false, "a quick look: one short round of everything; the figures mean little")
	caseList := fs.String("case", "", "cases, comma-separated (default all): "+strings.Join(caseNames(), ", "))
	subjects := fs.String("subjects", "gateway,reverse_proxy", "what to measure, comma-separated")
	fs.StringVar(&o.binary, "binary", "", "a built gateway (default: go build ./cmd/aiproxy)")
	fs.StringVar(&o.out, "out", "", "a file for the report, or a folder where it is called DATE-COMMIT.md")
	fs.StringVar(&o.cpuFile, "profile", "", "write a processor profile of the first subject, taken after the rounds of the one -case")
	fs.StringVar(&o.heapF, "heap", "", "write a heap profile likewise, taken under load")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	o.settings = full
	if *isShort {
		o.settings = short
	}
	for _, f := range []struct {
		name string
		from int
		to   *int
	}{{"rounds", *rounds, &o.rounds}, {"streams", *streams, &o.streams}, {"requests", *requests, &o.requests}} {
		if f.from < 0 {
			return o, fmt.Errorf("-%s %d", f.name, f.from)
		}
		if f.from > 0 {
			*f.to = f.from
		}
	}
	if o.requests < memorySamples {
		return o, fmt.Errorf("-requests %d: at least %d", o.requests, memorySamples)
	}
	if *duration < 0 {
		return o, fmt.Errorf("-duration %v", *duration)
	}
	if *duration > 0 {
		o.duration = *duration
	}
	if o.cases, err = pick(*caseList); err != nil {
		return o, err
	}
	if (o.cpuFile != "" || o.heapF != "") && len(o.cases) != 1 {
		return o, errors.New("-profile and -heap want exactly one -case")
	}
	for name := range strings.SplitSeq(*subjects, ",") {
		switch name {
		case subject.Gateway.Name:
			o.kinds = append(o.kinds, subject.Gateway)
		case subject.ReverseProxy.Name:
			o.kinds = append(o.kinds, subject.ReverseProxy)
		default:
			return o, fmt.Errorf("no subject %q; there are gateway and reverse_proxy", name)
		}
	}
	return o, nil
}

func bench(ctx context.Context, o options, stdout io.Writer) error {
	dir, err := os.MkdirTemp("", "aiproxy-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.binary == "" {
		o.binary = filepath.Join(dir, "aiproxy")
		if err := build(ctx, o.binary); err != nil {
			return err
		}
	} else if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	upstream, pid, stopMock, err := startMock()
	if err != nil {
		return err
	}
	defer stopMock()

	begun := time.Now()
	r := &runner{settings: o.settings, dir: dir, binary: o.binary, upstream: upstream, mockPid: pid, book: &report.Book{}}
	if err := r.rounds(ctx, o.cases, o.kinds); err != nil {
		return err
	}
	if o.cpuFile != "" || o.heapF != "" {
		if err := r.profile(ctx, o.cases[0], o.kinds[0], o.cpuFile, o.heapF); err != nil {
			return err
		}
	}
	return publish(ctx, r, o, time.Since(begun), stdout)
}

// startMock runs this program as the mock upstream, in a process of its own
// so that its work is not the generator's. It ends when its input does.
func startMock() (addr string, pid int, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", 0, nil, err
	}
	cmd := exec.Command(self, "mock")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", 0, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", 0, nil, err
	}
	stop = func() {
		in.Close()
		timer := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		defer timer.Stop()
		cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", 0, nil, fmt.Errorf("the mock did not start: %w", err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid, stop, nil
}

// serveMock is the other side of startMock: it prints its address and serves
// until its input ends.
func serveMock() error {
	signal.Ignore(os.Interrupt) // a terminal sends it to both; the parent ends us
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	var server mock.Server
	go func() {
		io.Copy(io.Discard, os.Stdin)
		ln.Close()
	}()
	defer server.Close()
	return server.Serve(ln)
}
