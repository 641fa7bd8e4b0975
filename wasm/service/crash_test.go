package service

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
)

// judged asks for all crash states of a change, in small slices.
func judged(t *testing.T, s *Session, req CrashRequest) (CrashView, []map[string]int) {
	t.Helper()
	view, err := s.Crash(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	var tallies []map[string]int
	for i, side := range view.Sides {
		tally := map[string]int{}
		for at := 0; at < side.States; {
			var states []int
			for k := at; k < min(at+50, side.States); k++ {
				states = append(states, k)
			}
			numbers, err := s.CrashJudge(context.Background(), CrashJudgeRequest{Side: i, States: states, Ms: 20})
			if err != nil || len(numbers) == 0 || len(numbers)%crashNumbers != 0 {
				t.Fatalf("%d numbers: %v", len(numbers), err)
			}
			for k := 0; k < len(numbers); k += crashNumbers {
				tally[CrashOutcomes[int(numbers[k+3])]]++
			}
			at += len(numbers) / crashNumbers
		}
		tallies = append(tallies, tally)
	}
	return view, tallies
}

func brokenIn(tally map[string]int) int {
	return tally["worse"] + tally["other-bytes"] + tally["does-not-open"]
}

// Redirected no crash breaks anything; in place some do, in the damaged images where two
// things have to change together.
func TestCrashStatesOfRepairs(t *testing.T) {
	for _, name := range []string{"data_cross_linked", "l1_entries_share_l2", "data_points_at_own_l2"} {
		s, _ := checked(t, recipe(t, name))
		view, tallies := judged(t, s, CrashRequest{Kind: "repair", Repair: PlanRequest{Scope: "all"}, Flushes: "qemu", States: 100, Seed: 1})
		if len(view.Sides) != 2 || view.Sides[0].Name != "redirected" || view.Sides[1].Name != "in-place" {
			t.Fatalf("%s: %+v", name, view)
		}
		if n := brokenIn(tallies[0]); n > 0 || tallies[0]["old"] == 0 || tallies[0]["new"] == 0 {
			t.Errorf("%s, redirected: %v", name, tallies[0])
		}
		if brokenIn(tallies[1]) == 0 || tallies[1]["old"] != 1 || tallies[1]["new"] == 0 {
			t.Errorf("%s, in place: %v", name, tallies[1])
		}
	}
}

// A change of width waits for the disk before it switches: only where nobody waits it breaks.
func TestCrashStatesOfAWidth(t *testing.T) {
	s, _ := checked(t, recipe(t, "healthy_v3"))
	for flushes, breaks := range map[string]bool{"qemu": false, "none": true} {
		_, tallies := judged(t, s, CrashRequest{Kind: "width", Bits: 64, Flushes: flushes, States: 60, Seed: 4})
		if brokenIn(tallies[0]) > 0 || brokenIn(tallies[1]) > 0 != breaks {
			t.Errorf("%s: %v", flushes, tallies)
		}
	}
}

// A write of the guest over its own cluster is torn in place, and whole when redirected.
func TestCrashStatesOfAWrite(t *testing.T) {
	s, _ := checked(t, recipe(t, "healthy_v3"))
	place, err := s.CrashPlace(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	off, err := strconv.ParseInt(place.Offset, 0, 64)
	if err != nil {
		t.Fatal(err)
	}
	view, tallies := judged(t, s, CrashRequest{Kind: "write", Write: WriteRequest{Offset: float64(off), Length: 4096, Kind: "write", Fill: 0xc5}, Flushes: "qemu", States: 300})
	if view.SameGuest || brokenIn(tallies[0]) > 0 || tallies[0]["new"] == 0 {
		t.Errorf("redirected: %v", tallies)
	}
	// 8 sectors land or do not: all subsets but none and all of them are torn.
	if tallies[1]["other-bytes"] != 254 || tallies[1]["old"] != 1 || tallies[1]["new"] != 1 {
		t.Errorf("in place: %v", tallies[1])
	}
}

func TestWhatForbidsACrash(t *testing.T) {
	s, _ := checked(t, recipe(t, "leaked_cluster"))
	for _, req := range []CrashRequest{
		{Kind: "width", Bits: 16, Flushes: "qemu"},
		{Kind: "write", Write: WriteRequest{Offset: 1 << 40, Length: 1, Kind: "write"}},
	} {
		view, err := s.Crash(context.Background(), req)
		if err != nil || len(view.Blocked) == 0 || len(view.Sides) > 0 {
			t.Errorf("%+v: %+v, %v", req, view, err)
		}
	}
	sound, _ := checked(t, recipe(t, "healthy_v3"))
	if view, err := sound.Crash(context.Background(), CrashRequest{Kind: "repair", Repair: PlanRequest{Scope: "all"}}); err != nil || !view.Empty {
		t.Errorf("%+v, %v", view, err)
	}
	if _, err := s.Crash(context.Background(), CrashRequest{Kind: "fire"}); err == nil {
		t.Error("a change that there is not")
	}
	for _, req := range []CrashStateRequest{{Side: -1}, {Side: 2}, {State: -1}, {State: 1 << 30}} {
		if _, err := s.CrashState(context.Background(), req); err == nil {
			t.Errorf("%+v", req)
		}
	}
}

// A state can be inspected, opened, taken back, and taken out as a plan: all are the same image.
func TestOpenedCrashState(t *testing.T) {
	s, _ := checked(t, recipe(t, "data_cross_linked"))
	view, _ := judged(t, s, CrashRequest{Kind: "repair", Repair: PlanRequest{Scope: "all"}, Flushes: "none", States: 100, Seed: 1})
	opened, broken := 0, 0
	for state := range view.Sides[1].States {
		req := CrashStateRequest{Side: 1, State: state}
		told, err := s.CrashState(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		if len(told.Worse) > 0 {
			broken++
			if told.Findings[0].Code != told.Worse[0].Code {
				t.Errorf("the first finding is %s, new is %s", told.Findings[0].Code, told.Worse[0].Code)
			}
		}
		text, err := s.CrashFile(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		if told.Problem.Kind != "" {
			continue
		}
		opened++
		isCrashState(t, s, text, told)
		v, err := s.CrashOpen(context.Background(), req)
		if err != nil || v.Corruptions != told.Corruptions || v.Leaks != told.Leaks || !v.Applied {
			t.Fatalf("state %d opened: %v %v, told %v %v, %v", state, v.Corruptions, v.Leaks, told.Corruptions, told.Leaks, err)
		}
		if _, err := s.CrashState(context.Background(), req); err == nil {
			t.Error("the states of the image before are still there")
		}
		if v, err = s.Undo(context.Background()); err != nil || v.Applied {
			t.Fatal(err)
		}
		if _, err := s.Crash(context.Background(), CrashRequest{Kind: "repair", Repair: PlanRequest{Scope: "all"}, Flushes: "none", States: 100, Seed: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if opened < 3 || broken == 0 {
		t.Errorf("%d states opened, %d of them broken", opened, broken)
	}
}

// isCrashState applies the plan of a state to the file as it was dropped.
func isCrashState(t *testing.T, s *Session, text []byte, told CrashState) {
	t.Helper()
	plan, err := patch.DecodeJSON(text, s.dropped)
	if err != nil {
		t.Fatal(err)
	}
	over := patch.NewOverlay(s.dropped)
	if err := over.Apply(plan); err != nil {
		t.Fatal(err)
	}
	img, err := image.Open(context.Background(), over)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := check.Run(context.Background(), img, check.Options{})
	if err != nil || float64(rep.Corruptions) != told.Corruptions || float64(rep.Leaks) != told.Leaks {
		t.Errorf("the plan makes %d corruptions and %d leaks, told %v and %v: %v", rep.Corruptions, rep.Leaks, told.Corruptions, told.Leaks, err)
	}
}

// What is told to have landed is what is in flight, and adds up.
func TestCrashLandings(t *testing.T) {
	s, _ := checked(t, recipe(t, "reftable_zeroed"))
	view, _ := judged(t, s, CrashRequest{Kind: "repair", Repair: PlanRequest{Scope: "rebuild"}, Flushes: "none", States: 80, Seed: 9})
	for i, side := range view.Sides {
		last := -1
		for state := range side.States {
			told, err := s.CrashState(context.Background(), CrashStateRequest{Side: i, State: state})
			if err != nil {
				t.Fatal(err)
			}
			sectors, torn := 0, 0
			for _, l := range told.Landings {
				sectors += l.Landed
				if l.Landed > 0 && l.Landed < l.Of {
					torn++
				}
				if n := strings.Count(l.Sectors, "1"); l.Of <= maxShownSectors && (n != l.Landed || len(l.Sectors) != l.Of) {
					t.Errorf("%+v", l)
				}
			}
			if len(told.Landings) < maxPage && (sectors != told.Sectors || torn != told.Torn) {
				t.Errorf("state %d: %d sectors and %d torn, told %d and %d", state, sectors, torn, told.Sectors, told.Torn)
			}
			flight := slices.IndexFunc(side.Flights, func(f CrashFlight) bool { return f.First <= state && state < f.End })
			if flight >= 0 && (flight != told.Flight || state > side.Flights[flight].First && told.Sectors < last) {
				t.Errorf("state %d is in flight %d, or out of order: %+v", state, flight, told)
			}
			last = told.Sectors
		}
	}
}
