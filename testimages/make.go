package testimages

import "testing"

// Make builds the recipe of that name; the test ends when it cannot be built.
func Make(t testing.TB, name string) *Built {
	t.Helper()
	r, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return made(t, r)
}

// MakeSample builds the sample of that name; the test ends when it cannot be built.
func MakeSample(t testing.TB, name string) *Built {
	t.Helper()
	r, err := LoadSample(name)
	if err != nil {
		t.Fatal(err)
	}
	return made(t, r)
}

// MakeLines builds a recipe of these lines, which tell no story and expect nothing; the test
// ends when it cannot be built.
func MakeLines(t testing.TB, lines string) *Built {
	t.Helper()
	r, err := Parse("lines", "# Made for one test.\n"+lines+"\nexpect exit=0\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, lines)
	}
	return made(t, r)
}

func made(t testing.TB, r Recipe) *Built {
	t.Helper()
	b, err := r.Build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
