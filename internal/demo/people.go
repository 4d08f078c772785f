package demo

// Officer is the login that the visitor is signed in with.
const Officer = "p.lindqvist"

// Person is somebody of the sample firm who can sign in.
type Person struct {
	Login, Name string
	Role        string // as the table of access names it
	Days        int    // until the account ends; zero: no end
}

// People are those who run the archive of the sample firm and read it, in the
// order in which their accounts were made.
func People() []Person {
	return []Person{
		{Login: "i.tavares", Name: "Ines Tavares", Role: "administrator"},
		{Login: Officer, Name: "Petra Lindqvist", Role: "officer"},
		{Login: "s.adeyemi", Name: "Samuel Adeyemi", Role: "reviewer"},
		{Login: "c.dubois", Name: "Claire Dubois", Role: "legal"},
		{Login: "a.yilmaz", Name: "Amina Yilmaz", Role: "auditor", Days: 90},
	}
}
