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

// Employee is one of the firm's people whose chats are archived.
type Employee struct {
	ID, Name, Department string
	Accounts             []Tenure
	Left                 string // their last day, where they have left
}

// Tenure is a time in which a number was somebody's: days, empty where there is
// no first or last.
type Tenure struct{ Account, From, To string }

// Employees are all who have a phone here. William Hale's number went to Maya
// Okafor after him.
func Employees() []Employee {
	own := func(p phone) Tenure { return Tenure{Account: p.account} }
	return []Employee{
		{ID: william.custodian, Name: william.me, Department: "Private clients", Accounts: []Tenure{{william.account, "", "2019-06-28"}}, Left: "2019-06-28"},
		{ID: maya.custodian, Name: maya.me, Department: "Private clients", Accounts: []Tenure{{maya.account, "2019-09-02", ""}, own(mayaUS)}},
		{ID: jonas.custodian, Name: jonas.me, Department: "Frankfurt", Accounts: []Tenure{own(jonas)}},
		{ID: kasia.custodian, Name: kasia.me, Department: "Warsaw", Accounts: []Tenure{own(kasia), own(kasiaTR)}},
		{ID: livia.custodian, Name: livia.me, Department: "São Paulo", Accounts: []Tenure{own(livia), own(liviaCO)}},
		{ID: amal.custodian, Name: amal.me, Department: "Dubai", Accounts: []Tenure{own(amal), own(amalHI)}},
		{ID: noa.custodian, Name: noa.me, Department: "Tel Aviv", Accounts: []Tenure{own(noa)}},
		{ID: kenji.custodian, Name: kenji.me, Department: "Tokyo", Accounts: []Tenure{own(kenji), own(kenjiHK)}},
	}
}
