// The table of contents marks the section in view.

const linkTo = (section) => document.querySelector(`.toc a[href="#${section.id}"]`);

function mark({ target, isIntersecting }) {
  linkTo(target).classList.toggle("here", isIntersecting);
}

const observer = new IntersectionObserver((entries) => entries.forEach(mark), { rootMargin: "-20% 0px -70% 0px" });
document.querySelectorAll("main section").forEach((section) => observer.observe(section));
