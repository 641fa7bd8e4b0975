//go:build js && wasm

// Edge is the fleet's service as a Cloudflare Worker runs it. It only binds wasm/fleet to the
// platform, through github.com/syumai/workers:
//
//	fetch      the API; everything else is static assets, which no Go serves
//	queue      messages of the queue, and those that failed too often
//	scheduled  the clock: see resumeCron
//
// The platform starts the program anew for each event, so nothing is kept in memory. It needs
// of its surroundings, by the names in wrangler.json:
//
//	IMAGES   the bucket with the images, and with our results beside them
//	CHECKS   the queue
//	LIMITER  how often one address may ask
//	TOKEN    a secret; without it the API is off
package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"syscall/js"
	"time"

	"github.com/syumai/workers"
	"github.com/syumai/workers/cloudflare"
	"github.com/syumai/workers/cloudflare/cron"
	"github.com/syumai/workers/cloudflare/queues"

	"qcowscope/wasm/fleet"
)

// build names the sources that this program was built of. The linker sets it.
var build = "unknown"

// memory is what Go may take before it collects in earnest: a Worker has 128 MiB, of which
// some belong to JavaScript and to ranges that are on their way.
const memory = 72 << 20

// resumeCron is the clock that only sends again what was lost. Any other one also looks for
// images that have changed, and sweeps.
const resumeCron = "*/5 * * * *"

// deadQueue is where messages go that failed too often.
const deadQueue = "qcowscope-dead"

func main() {
	debug.SetMemoryLimit(memory)
	s := service()
	queues.ConsumeNonBlock(func(batch *queues.MessageBatch) error { return consume(s, batch) })
	cron.ScheduleTaskNonBlock(func(ctx context.Context) error { return tick(ctx, s) })
	workers.ServeNonBlock(whole(s))
	workers.Ready()
	select {} // the host lets go of us when the event is over
}

func service() *fleet.Service {
	limits := fleet.DefaultLimits()
	limits.Lease = setting("LEASE", limits.Lease)
	limits.Patience = setting("RETRY", limits.Patience)
	return &fleet.Service{
		Store:  bucket{cloudflare.GetBinding("IMAGES")},
		Queue:  queue{},
		Clock:  time.Now,
		Limits: limits,
		Build:  build,
		Token:  cloudflare.Getenv("TOKEN"),
		Allow:  allow,
		Log:    func(line string) { fmt.Println(line) },
	}
}

// setting is a duration that whoever runs the service may choose, such as 15m.
func setting(name string, usual time.Duration) time.Duration {
	d, err := time.ParseDuration(cloudflare.Getenv(name))
	if err != nil || d < time.Second {
		return usual
	}
	return d
}

// allow asks the platform whether the caller's address has asked too often. Without a limiter
// there is no limit.
func allow(r *http.Request) bool {
	limiter := cloudflare.GetBinding("LIMITER")
	if limiter.IsUndefined() {
		return true
	}
	asked, err := call(limiter, "limit", map[string]any{"key": r.Header.Get("Cf-Connecting-Ip")})
	return err != nil || asked.Get("success").Truthy()
}

// consume hands over a batch of messages.
func consume(s *fleet.Service, batch *queues.MessageBatch) error {
	deliveries := make([]fleet.Delivery, len(batch.Messages))
	for i, m := range batch.Messages {
		body, err := m.StringBody()
		if err != nil {
			body = "" // not ours: it is thrown away like any that cannot be read
		}
		deliveries[i] = fleet.Delivery{Body: []byte(body), Attempts: m.Attempts, Done: m.Ack,
			Again: func(after time.Duration) { m.Retry(queues.WithRetryDelay(after)) }}
	}
	if batch.Queue == deadQueue {
		s.Dead(context.Background(), deliveries)
	} else {
		s.Consume(context.Background(), deliveries)
	}
	return nil
}

// tick does what is due. An error is logged and no more: the next tick tries again.
func tick(ctx context.Context, s *fleet.Service) error {
	event, err := cron.NewEvent(ctx)
	if err != nil {
		return err
	}
	due := []func(context.Context) error{s.Resume}
	if event.Cron != resumeCron {
		due = append(due, s.Recheck, s.Sweep)
	}
	for _, do := range due {
		if err := do(ctx); err != nil {
			s.Log(fmt.Sprintf("clock %q: %q", event.Cron, err))
		}
	}
	return nil
}

// queue is the platform's queue.
type queue struct{}

func (queue) Send(_ context.Context, bodies [][]byte) error {
	producer, err := queues.NewProducer("CHECKS")
	if err != nil {
		return err
	}
	requests := make([]*queues.MessageSendRequest, len(bodies))
	for i, body := range bodies {
		requests[i] = queues.NewTextMessageSendRequest(string(body))
	}
	return producer.SendBatch(requests)
}

// whole answers with the body in one piece instead of as a stream, which is faster, and can
// have no body where its length is told, as the answer to HEAD does.
func whole(s *fleet.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, body: js.Null()}
		s.ServeHTTP(a, r)
		if raw, ok := w.(interface{ WriteRawJSBody(js.Value) }); ok {
			raw.WriteRawJSBody(a.body)
		}
	})
}

// answer keeps the body. The service writes at most once.
type answer struct {
	http.ResponseWriter
	body js.Value
}

func (a *answer) Write(p []byte) (int, error) {
	a.body = toJS(p)
	return len(p), nil
}
